"""Camera files of other programs: each gives the pixels of the camera that it was made of."""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from lib.captures.cameras import find_camera
from lib.errors import CaptureFailure
from lib.geometry import distort, to_camera
from lib.imaging.exif import upright

SIZE = (900, 1200)
POINTS = np.random.default_rng(3).uniform(-90, 90, (200, 3))


@dataclass(frozen=True)
class Truth:
    """A camera and where it sees points, by OpenCV."""

    rotation: np.ndarray
    translation: np.ndarray
    focal: tuple[float, float] = (2400.0, 2400.0)
    centre: tuple[float, float] = (615.3, 437.9)
    distortion: tuple[float, ...] = (0.0,) * 8

    @property
    def matrix(self):
        return np.array(
            [[self.focal[0], 0, self.centre[0]], [0, self.focal[1], self.centre[1]], [0, 0, 1]]
        )

    def pixels(self, points=POINTS):
        turn = cv2.Rodrigues(self.rotation)[0]
        return cv2.projectPoints(
            points, turn, self.translation, self.matrix, np.array(self.distortion)
        )[0][:, 0]

    @property
    def place(self):
        return -self.rotation.T @ self.translation


def truth(seed=0, **changes):
    draws = np.random.default_rng(seed)
    rotation = cv2.Rodrigues(draws.normal(0, 1.0, 3))[0]
    return Truth(rotation, np.array([*draws.uniform(-20, 20, 2), 700.0]), **changes)


def pixels(camera, points=POINTS):
    """Where a camera that was read sees points of its own world."""
    in_camera = to_camera(points, camera.world_to_camera)
    rays = distort(in_camera[:, :2] / in_camera[:, 2:], camera.distortion)
    return rays * camera.focal_px + camera.centre_px


def assert_same(path, given, unit, points=POINTS, atol=1e-6, image="a.jpg"):
    camera = find_camera(path, image, SIZE)
    assert camera.length_unit == unit
    np.testing.assert_allclose(pixels(camera, points), given.pixels(), atol=atol)
    return camera


FIVE = (-0.12, 0.3, 0.0011, -0.0007, 0.05, 0.0, 0.0, 0.0)
EIGHT = (-0.12, 0.3, 0.0011, -0.0007, 0.05, 0.02, -0.1, 0.03)


def write_own(path, given, **more):
    camera = {"name": "a", "K": given.matrix.tolist(), "R": given.rotation.tolist()}
    camera |= {"t": given.translation.tolist(), "width": SIZE[1], "height": SIZE[0]}
    path.write_text(json.dumps({"cameras": [camera | more]}))
    return path


@pytest.mark.parametrize(("units", "factor"), [(None, 1), ("mm", 1), ("cm", 10), ("m", 1000)])
@pytest.mark.parametrize("distortion", [(), FIVE[:4], FIVE[:5], EIGHT, (*FIVE, 0, 0, 0, 0)])
def test_our_own_json(tmp_path, units, factor, distortion):
    given = truth(distortion=(*distortion, *[0] * 8)[:8], focal=(2400.0, 2388.0))
    content = {
        "name": "a.jpg",
        "K": given.matrix.tolist(),
        "R": given.rotation.tolist(),
        "t": (given.translation / factor).tolist(),
        "dist_coeffs": list(distortion),
    }
    top = {} if units is None else {"units": units}
    (tmp_path / "cameras.json").write_text(json.dumps(top | {"cameras": [content]}))
    camera = assert_same(tmp_path / "cameras.json", given, "mm")
    np.testing.assert_allclose(camera.world_to_camera[:, 3], given.translation)


def test_a_json_of_unknown_units_keeps_its_numbers(tmp_path):
    given = truth()
    path = write_own(tmp_path / "c.json", given)
    content = json.loads(path.read_text()) | {"units": "unknown"}
    path.write_text(json.dumps(content))
    assert_same(path, given, "unknown")


def facescape(given, **more):
    entry = {
        "K": given.matrix.tolist(),
        "Rt": np.column_stack([given.rotation, given.translation]).tolist(),
    }
    entry |= {"distortion": list(given.distortion[:5]), "valid": True, "width": SIZE[1]}
    entry |= {"height": SIZE[0], "sn": "x", "ori": 0, "matches": 10}
    return {f"12_{key}": value for key, value in (entry | more).items()}


def test_facescape(tmp_path):
    given = truth(distortion=FIVE)
    path = tmp_path / "params.json"
    path.write_text(json.dumps(facescape(given) | {"1_K": np.eye(3).tolist()}))
    assert_same(path, given, "unknown", image="x/12.jpg")
    square = np.eye(4)
    square[:3, :3] = given.matrix
    path.write_text(json.dumps(facescape(given, K=square.tolist())))
    assert_same(path, given, "unknown", image="12.png")


def test_facescape_in_the_millimetres_of_its_registered_models(tmp_path):
    folder = tmp_path / "imgs" / "007" / "4_anger"
    folder.mkdir(parents=True)
    given, frame = truth(distortion=FIVE), truth(5)
    scale = 12.7
    small = Truth(given.rotation, given.translation / scale, distortion=FIVE)
    (folder / "params.json").write_text(json.dumps(facescape(small)))
    to_models = [scale, np.column_stack([frame.rotation, frame.translation]).tolist()]
    (tmp_path / "Rt_scale_dict.json").write_text(json.dumps({"7": {"4": to_models}}))
    in_models = POINTS @ frame.rotation.T + frame.translation
    assert_same(folder / "params.json", given, "mm", in_models, image="12.jpg")
    (tmp_path / "Rt_scale_dict.json").write_text(json.dumps({"8": {"4": to_models}}))
    camera = find_camera(folder / "params.json", "12.jpg", SIZE)
    assert camera.length_unit == "unknown"


def test_a_view_that_facescape_marks_is_not_valid(tmp_path):
    (tmp_path / "params.json").write_text(json.dumps(facescape(truth(), valid=False)))
    with pytest.raises(CaptureFailure, match=r"view '12' in .* is marked as not valid"):
        find_camera(tmp_path / "params.json", "12.jpg", SIZE)


def quaternion(rotation):
    turn = cv2.Rodrigues(rotation)[0][:, 0]
    angle = np.linalg.norm(turn)
    return [math.cos(angle / 2), *(math.sin(angle / 2) * turn / angle)]


COLMAP = {
    "SIMPLE_PINHOLE": (0, lambda c, d: [2400, *c], 0),
    "PINHOLE": (1, lambda c, d: [2400, 2380, *c], 0),
    "SIMPLE_RADIAL": (2, lambda c, d: [2400, *c, d[0]], 1),
    "RADIAL": (3, lambda c, d: [2400, *c, *d[:2]], 2),
    "OPENCV": (4, lambda c, d: [2400, 2380, *c, *d[:4]], 4),
    "FULL_OPENCV": (6, lambda c, d: [2400, 2380, *c, *d], 8),
}


def colmap_truth(model):
    number, parameters, used = COLMAP[model]
    two = model in ("PINHOLE", "OPENCV", "FULL_OPENCV")
    given = truth(
        distortion=(*EIGHT[:used], *[0.0] * 8)[:8], focal=(2400.0, 2380.0 if two else 2400.0)
    )
    corner_origin = np.array(given.centre) + 0.5
    return given, number, parameters(corner_origin, EIGHT)


@pytest.mark.parametrize("model", COLMAP)
def test_colmap_text(tmp_path, model):
    given, _, parameters = colmap_truth(model)
    words = " ".join(map(repr, map(float, parameters)))
    (tmp_path / "cameras.txt").write_text(
        f"# Camera list\n1 SIMPLE_PINHOLE 9 9 9 9 9\n7 {model} {SIZE[1]} {SIZE[0]} {words}\n"
    )
    pose = " ".join(map(repr, map(float, [*quaternion(given.rotation), *given.translation])))
    (tmp_path / "images.txt").write_text(
        f"# Image list\n# second line\n3 1 0 0 0 0 0 0 1 other.jpg\n\n5 {pose} 7 set/a.jpg\n"
        "12.5 20.1 -1 30.0 40.0 8\n"
    )
    assert_same(tmp_path, given, "unknown")
    assert_same(tmp_path / "images.txt", given, "unknown")


@pytest.mark.parametrize("model", COLMAP)
def test_colmap_binary(tmp_path, model):
    given, number, parameters = colmap_truth(model)
    cameras = struct.pack("<Q", 2) + struct.pack("<iiQQ8d", 3, 5, 9, 9, *range(8))
    cameras += struct.pack("<iiQQ", 7, number, SIZE[1], SIZE[0])
    cameras += struct.pack(f"<{len(parameters)}d", *parameters)
    (tmp_path / "cameras.bin").write_bytes(cameras)
    pose = [*quaternion(given.rotation), *given.translation]
    images = struct.pack("<Q", 2)
    for name, points in (("other", 3), ("a.jpg", 0)):
        images += struct.pack("<i7di", 5, *pose, 7) + name.encode() + b"\0"
        images += struct.pack("<Q", points) + bytes(24 * points)
    (tmp_path / "images.bin").write_bytes(images)
    assert_same(tmp_path, given, "unknown")


def test_a_fisheye_of_colmap_says_what_to_do(tmp_path):
    (tmp_path / "cameras.txt").write_text("1 OPENCV_FISHEYE 1200 900 1 1 1 1 0 0 0 0\n")
    (tmp_path / "images.txt").write_text("1 1 0 0 0 0 0 9 1 a.jpg\n\n")
    with pytest.raises(CaptureFailure, match=r"OPENCV_FISHEYE, expected .*image_undistorter"):
        find_camera(tmp_path, "a.jpg", SIZE)


def metashape(given, frame="", k4=0.0, camera="", label="a", kind="frame"):
    """XML of one camera; Metashape's p1 belongs to r^2 + 2 x^2, its p2 to 2 x y."""
    k1, k2, p1, p2, k3 = given.distortion[:5]
    to_world = np.eye(4)
    to_world[:3, :3], to_world[:3, 3] = given.rotation.T, given.place
    words = " ".join(map(repr, map(float, to_world.ravel())))
    cx, cy = (np.array(given.centre) + 0.5 - np.array(SIZE[::-1]) / 2).tolist()
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<document version="2.0.0"><chunk label="Chunk 1" enabled="true">
 <sensors next_id="2"><sensor id="1" label="lens" type="{kind}">
  <resolution width="{SIZE[1]}" height="{SIZE[0]}"/>
  <calibration type="frame" class="initial"><f>1</f></calibration>
  <calibration type="frame" class="adjusted"><resolution width="{SIZE[1]}" height="{SIZE[0]}"/>
   <f>{given.focal[1]!r}</f><cx>{cx!r}</cx><cy>{cy!r}</cy>
   <b1>{given.focal[0] - given.focal[1]!r}</b1>
   <k1>{k1!r}</k1><k2>{k2!r}</k2><k3>{k3!r}</k3><k4>{k4!r}</k4><p1>{p2!r}</p1><p2>{p1!r}</p2>
  </calibration></sensor></sensors>
 <cameras><group id="0"><camera id="0" sensor_id="1" component_id="0" label="{label}">
  {camera or f"<transform>{words}</transform>"}</camera></group></cameras>
 {frame}</chunk></document>"""


def test_metashape_without_a_scale(tmp_path):
    given = truth(distortion=FIVE, focal=(2412.0, 2400.0))
    (tmp_path / "cameras.xml").write_text(metashape(given))
    assert_same(tmp_path / "cameras.xml", given, "unknown")


@pytest.mark.parametrize("where", ["chunk", "component"])
def test_metashape_with_a_scale_is_in_metres(tmp_path, where):
    given, frame = truth(distortion=FIVE), truth(9)
    scale = 0.37  # metres per unit of the chunk
    shift = np.array([0.4, -2.0, 1.1])
    chunk = Truth(given.rotation, given.translation / (1000 * scale), distortion=FIVE)
    turn = " ".join(map(repr, map(float, frame.rotation.ravel())))
    moved = " ".join(map(repr, shift.tolist()))
    words = (
        f"<transform><rotation locked='true'>{turn}</rotation><translation>{moved}</translation>"
    )
    words += f"<scale>{scale!r}</scale></transform>"
    if where == "component":
        words = f"<components><component id='0'>{words}</component></components>"
    (tmp_path / "cameras.xml").write_text(metashape(chunk, words))
    in_world = POINTS @ frame.rotation.T + 1000 * shift
    assert_same(tmp_path / "cameras.xml", given, "mm", in_world)


def test_a_term_of_eighth_order_is_followed(tmp_path):
    given = truth(distortion=(-0.12, 0.3, 0.0, 0.0, 0.05, 0, 0, 0))
    k4 = -0.4
    (tmp_path / "cameras.xml").write_text(metashape(given, k4=k4))
    camera = find_camera(tmp_path / "cameras.xml", "a.jpg", SIZE)
    in_camera = POINTS @ given.rotation.T + given.translation
    rays = in_camera[:, :2] / in_camera[:, 2:]
    square = (rays**2).sum(1, keepdims=True)
    by_hand = rays * (1 - 0.12 * square + 0.3 * square**2 + 0.05 * square**3 + k4 * square**4)
    expected = by_hand * np.array(given.focal) + np.array(given.centre)
    np.testing.assert_allclose(pixels(camera), expected, atol=0.01)


def angles(rotation):
    """(heading, pitch, roll) in degrees, solved from the matrix of the program's documentation."""
    heading = math.degrees(math.atan2(-rotation[1, 0], -rotation[1, 1]))
    pitch = math.degrees(math.asin(-rotation[1, 2]))
    roll = math.degrees(math.atan2(-rotation[0, 2], -rotation[2, 2]))
    return heading, pitch, roll


def captured(given):
    """Focal length, principal point and coefficients as RealityCapture writes them."""
    k1, k2, p1, p2, k3 = given.distortion[:5]
    longer = max(SIZE)
    middle = np.array(SIZE[::-1]) / 2
    px, py = ((np.array(given.centre) + 0.5 - middle) / longer).tolist()
    return given.focal[0] * 36 / longer, px, py, [k1, k2, k3, 0.0, p2, p1]


@pytest.mark.parametrize(
    "header", ["heading,pitch,roll,f,px,py", "yaw,pitch,roll,f_35mm,px_norm,py_norm"]
)
def test_realitycapture_csv(tmp_path, header):
    given = truth(2, distortion=FIVE)
    focal, px, py, terms = captured(given)
    row = [*given.place, *angles(given.rotation), focal, px, py, *terms]
    (tmp_path / "cameras.csv").write_text(
        f"#cameras 2\n#name,x,y,alt,{header},k1,k2,k3,k4,t1,t2\n"
        f"b.jpg,{','.join(['1'] * 15)}\na.jpg,{','.join(map(repr, map(float, row)))}\n"
    )
    assert_same(tmp_path / "cameras.csv", given, "unknown")


def test_a_camera_of_realitycapture_that_hangs_looks_down():
    """With all angles 0 it looks along -z with its upper side to y: the program's own words."""
    from lib.captures.formats.realitycapture import _rotation

    np.testing.assert_allclose(_rotation(0, 0, 0), np.diag([1.0, -1, -1]), atol=1e-15)
    np.testing.assert_allclose(_rotation(0, 90, 0)[2], [0, 1, 0], atol=1e-15)  # then ahead
    np.testing.assert_allclose(_rotation(90, 90, 0)[2], [1, 0, 0], atol=1e-15)  # clockwise


def xmp(given, elements=True, **changes):
    focal, px, py, terms = captured(given)
    turn = " ".join(map(repr, map(float, given.rotation.ravel())))
    place = " ".join(map(repr, map(float, given.place)))
    words = {"DistortionModel": "brown3t2", "FocalLength35mm": repr(focal), "Skew": "0"}
    words |= {"AspectRatio": "1", "PrincipalPointU": repr(px), "PrincipalPointV": repr(py)}
    words["DistortionCoeficients"] = " ".join(map(repr, terms))
    words |= {} if elements else {"Rotation": turn, "Position": place}
    words |= changes
    flags = " ".join(f'xcr:{key}="{value}"' for key, value in words.items())
    inner = f"<xcr:Rotation>{turn}</xcr:Rotation><xcr:Position>{place}</xcr:Position>" * elements
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
  <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description xmlns:xcr="http://www.capturingreality.com/ns/xcr/1.1#" {flags}>
    {inner}</rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("elements", [True, False])
def test_realitycapture_xmp(tmp_path, elements):
    given = truth(2, distortion=FIVE)
    (tmp_path / "a.xmp").write_text(xmp(given, elements))
    assert_same(tmp_path / "a.xmp", given, "unknown")


def test_nersemble_is_in_metres_and_named_by_serial_number(tmp_path):
    given = truth()
    pose = np.eye(4)
    pose[:3] = np.column_stack([given.rotation, given.translation / 1000])
    content = {"world_2_cam": {"222200037": pose.tolist()}, "intrinsics": given.matrix.tolist()}
    path = tmp_path / "camera_params.json"
    path.write_text(json.dumps(content))
    for name in ("222200037.jpg", "cam_222200037.png"):
        assert_same(path, given, "mm", image=name)
    with pytest.raises(CaptureFailure, match=r"a cameras\.json with a scaled K"):
        find_camera(path, "222200037.jpg", (450, 600))


def test_the_entry_of_an_image_is_the_one_in_its_folder(tmp_path):
    (tmp_path / "cameras.txt").write_text("1 PINHOLE 1200 900 2000 2000 600 450\n")
    (tmp_path / "images.txt").write_text(
        "1 1 0 0 0 0 0 5 1 left/a.jpg\n\n2 1 0 0 0 0 0 6 1 right/a.jpg\n\n"
    )
    camera = find_camera(tmp_path, "set/right/a.jpg", SIZE)
    assert camera.world_to_camera[2, 3] == 6
    with pytest.raises(CaptureFailure, match=r"has 2 cameras named 'a' or 'a\.jpg'"):
        find_camera(tmp_path, "a.jpg", SIZE)


ANY = truth(distortion=FIVE)
HOSTILE = {
    "no file": ("c.json", None, "cannot be read"),
    "no json": ("c.json", "{", "cannot be read as JSON"),
    "deep json": ("c.json", "[" * 100_000, "cannot be read as JSON"),
    "a list": ("c.json", "[1]", "holds list, expected an object"),
    "other keys": ("c.json", '{"a": 1}', "has the keys a, expected"),
    "bytes": ("c.json", b"\xff\xfe\0", "no UTF-8 text"),
    "no cameras": ("c.json", '{"cameras": 3}', "cameras is no list"),
    "not an object": ("c.json", '{"cameras": [3]}', "holds int, expected a camera"),
    "no K": ("c.json", '{"cameras": [{"name": "a"}]}', "cameras/0 has no K, R, t"),
    "furlongs": ("c.json", '{"cameras": [], "units": "furlong"}', "expected mm, cm, m or unknown"),
    "facescape words": ("p.json", json.dumps(facescape(ANY, K="x")), "not made of numbers"),
    "facescape ragged": ("p.json", json.dumps(facescape(ANY, K=[[1], [1, 2]])), "not made of numb"),
    "facescape short": ("p.json", json.dumps(facescape(ANY, Rt=[[1]])), r"shape \(1, 1\)"),
    "nersemble": ("p.json", '{"world_2_cam": []}', "holds list, expected world_2_cam"),
    "no xml": ("c.xml", "<a", "cannot be read as XML"),
    "entities": ("c.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "defines entities"),
    "no chunk": ("c.xml", "<document/>", "has no chunk"),
    "not aligned": ("c.xml", metashape(ANY, camera="<x/>"), "Metashape did not align it"),
    "fisheye": ("c.xml", metashape(ANY, kind="fisheye"), "expected a frame camera"),
    "not the matrix": (
        "c.xml",
        metashape(ANY, camera="<transform>1 2</transform>"),
        "4 x 4 finite",
    ),
    "division": ("a.xmp", xmp(ANY, DistortionModel="division"), "distortion model 'division'"),
    "aspect": ("a.xmp", xmp(ANY, AspectRatio="1.2"), "AspectRatio 1.2, expected 1"),
    "no pose": ("a.xmp", xmp(ANY, False, Rotation=""), "no Rotation"),
    "csv": ("c.csv", "x,y\n1,2\n", "no column name, alt"),
    "empty csv": ("c.csv", "", "no column name"),
    "csv not aligned": (
        "c.csv",
        "#name,x,y,alt,heading,pitch,roll,f\na.jpg,,,,,,,\n",
        "did not align it",
    ),
    "csv words": (
        "c.csv",
        "#name,x,y,alt,heading,pitch,roll,f\na.jpg,1,2,z,1,1,1,1\n",
        "alt of cam",
    ),
    "no model": ("x.txt", "", "holds no COLMAP model"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_reasons(tmp_path, kind):
    name, content, message = HOSTILE[kind]
    if content is not None:
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
    with pytest.raises(CaptureFailure, match=message) as caught:
        find_camera(tmp_path / name, "12.jpg" if name == "p.json" else "a.jpg", SIZE)
    assert caught.value.outcome == "bad_camera"


@pytest.mark.parametrize("kind", ["txt", "bin"])
def test_a_broken_colmap_model_is_a_reason(tmp_path, kind):
    if kind == "txt":
        cameras, images = b"1 PINHOLE 1200 900 1\n", b"1 1 0 0 0 0 0 5 1 a.jpg\n\n"
    else:
        cameras, images = struct.pack("<Q", 2**40), struct.pack("<Q", 1) + b"x" * 70
    (tmp_path / f"cameras.{kind}").write_bytes(cameras)
    (tmp_path / f"images.{kind}").write_bytes(images)
    with pytest.raises(CaptureFailure, match="is no COLMAP model"):
        find_camera(tmp_path, "a.jpg", SIZE)


def test_random_damage_to_any_format_is_a_reason_or_a_camera(tmp_path):
    files = {
        "c.json": write_own(tmp_path / "x.json", ANY).read_text(),
        "p.json": json.dumps(facescape(ANY)),
        "c.xml": metashape(ANY),
        "a.xmp": xmp(ANY),
    }
    draws = np.random.default_rng(0)
    refused = 0
    for name, text in files.items():
        for _ in range(60):
            letters = bytearray(text.encode())
            for place in draws.integers(0, len(letters), 4):
                letters[place] = draws.integers(32, 127)
            (tmp_path / name).write_bytes(letters)
            try:
                camera = find_camera(
                    tmp_path / name, "12.jpg" if name == "p.json" else "a.jpg", SIZE
                )
                assert np.isfinite(camera.world_to_camera).all()
            except CaptureFailure as failure:
                assert failure.outcome == "bad_camera"
                refused += 1
    assert refused > 60


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"focal": (2400.0, 1200.0)}, "focal lengths 2400 and 1200"),
        ({"focal": (-2400.0, -2400.0)}, "focal lengths -2400"),
        ({"focal": (1.9, 1.9)}, "which no lens has"),
        ({"centre": (9000.0, 0.0)}, "far outside"),
        ({"distortion": (-40.0, 0, 0, 0, 0, 0, 0, 0)}, "folds the image"),
        ({"distortion": (0, 0, 3.0, 0, 0, 0, 0, 0)}, "folds the image"),
        ({"distortion": (math.nan, 0, 0, 0, 0, 0, 0, 0)}, "not finite"),
        ({"rotation": np.diag([1.0, 1, -1])}, "no rotation"),
        ({"translation": np.array([0, 0, 1e300])}, "too far away"),
        ({"translation": np.array([0, 0, math.inf])}, "not finite"),
    ],
)
def test_a_camera_that_makes_no_sense_is_a_reason(tmp_path, changes, message):
    given = SimpleNamespace(**{k: getattr(ANY, k) for k in ("rotation", "translation", "focal")})
    given = Truth(**{**vars(given), "distortion": (0.0,) * 8, **changes})
    path = write_own(Path(tmp_path) / "c.json", given, dist_coeffs=list(given.distortion))
    with pytest.raises(CaptureFailure, match=message):
        find_camera(path, "a.jpg", SIZE)


def test_a_transposed_camera_matrix_is_a_reason(tmp_path):
    path = write_own(tmp_path / "c.json", ANY, K=ANY.matrix.T.tolist())
    with pytest.raises(CaptureFailure, match=r"K of camera 'a' in .* is no camera matrix"):
        find_camera(path, "a.jpg", SIZE)


def test_a_file_too_large_for_cameras_is_not_read(tmp_path):
    with open(tmp_path / "c.json", "wb") as file:
        file.truncate(1 << 29)
    with pytest.raises(CaptureFailure, match="512 MB, expected a camera file of at most 256 MB"):
        find_camera(tmp_path / "c.json", "a.jpg", SIZE)


def stored_as(orientation, place):
    """Where a pixel of the stored picture lies after EXIF turned it upright."""
    marked = np.zeros((*SIZE, 1), np.uint8)
    marked[place[1], place[0]] = 1
    (row,), (column,), _ = np.nonzero(upright(marked, orientation))
    return column, row


@pytest.mark.parametrize("orientation", [6, 8])
def test_a_camera_of_the_stored_pixels_turns_with_its_photo(tmp_path, orientation):
    given = truth(1, distortion=EIGHT, focal=(2400.0, 2380.0))
    path = write_own(tmp_path / "c.json", given, dist_coeffs=list(EIGHT))
    camera = find_camera(path, "a.jpg", SIZE[::-1], orientation)
    corners = [(0, 0), (SIZE[1] - 1, 0), (0, SIZE[0] - 1)]
    turned = np.array([stored_as(orientation, corner) for corner in corners], float)
    axes = (turned[1:] - turned[0]) / np.array([[SIZE[1] - 1], [SIZE[0] - 1]])
    np.testing.assert_allclose(pixels(camera), turned[0] + given.pixels() @ axes, atol=1e-6)


def test_an_upright_camera_stays_and_an_unclear_one_is_refused(tmp_path):
    given = truth(2, distortion=FIVE)
    own = write_own(tmp_path / "c.json", given, dist_coeffs=list(FIVE))
    for orientation in (3, 6):
        np.testing.assert_array_equal(
            find_camera(own, "a.jpg", SIZE, orientation).centre_px, given.centre
        )
    (tmp_path / "a.xmp").write_text(xmp(given))
    with pytest.raises(CaptureFailure, match=r"nothing says whether .* Save the photos upright"):
        find_camera(tmp_path / "a.xmp", "a.jpg", SIZE, 6)
    with pytest.raises(CaptureFailure, match="EXIF mirrors"):
        find_camera(own, "a.jpg", SIZE[::-1], 5)
    with pytest.raises(CaptureFailure, match=r"is for 1200 x 900 px, a\.jpg has 7 x 9"):
        find_camera(own, "a.jpg", (9, 7), 6)
