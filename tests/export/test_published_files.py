"""Files as Deep3DFaceRecon and 3DDFA_V3 write them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from lib.artefacts import Landmarks, Regression, Texture
from lib.export import PublishedExporter, PublishedInputs
from lib.export.published.dense import enlarged
from lib.export.published.panels import draw_squares, grid
from lib.facemodel import load_face_model, read_face_model
from lib.facemodel.converters import convert_model
from lib.facemodel.object_frame import object_origin
from lib.geometry import project
from lib.geometry.aligned_crop import align_face, standard_five
from lib.geometry.crop_camera import camera_of_pose, image_up, rotation_of_angles, to_object
from lib.networks.aligned import cut_aligned
from lib.render import ambient_light
from lib.segmentation import part_surfaces, segment_parts
from tests.facemodel.bfm_files import small_bfm, write_face_model_npy
from tests.posed_head import SIZE, make_case, without_eyeballs

CODE = {"angles": (0.1, -0.3, 0.05), "translation": (0.02, -0.03, 0.1)}
GAMMA = np.linspace(-0.2, 0.3, 27)


def inputs(head, case, regression=None):
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    capture = case.capture.replace(
        image=(image,) * len(case.capture.image),
        original_size=2 * case.capture.original_size,
        working_to_original=2 * case.capture.working_to_original,
    )
    n = len(case.fit.focal_px)
    points = case.fit.landmarks_px
    landmarks = Landmarks(
        scheme="ibug68",
        points_px=points,
        sigma_px=np.ones((n, 68)),
        depth_px=np.full((n, 68), np.nan),
        ibug68_px=points,
        ibug68_sigma_px=np.ones((n, 68)),
        presence=np.ones(n),
    )
    parts = segment_parts(part_surfaces(head), capture, case.fit)
    half = np.where(np.arange(64) < 32, 0.2, 0.6)
    rgb = np.repeat(np.repeat(half[None, :, None], 64, axis=0), 3, axis=2)
    texture = Texture(rgb=rgb, weight=np.ones((64, 64)))
    return PublishedInputs(capture, landmarks, case.fit, parts, texture, regression)


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def optimised(model):
    case = make_case(model, yaw_deg=25.0, jaw_open=0.4)
    return inputs(model, case)


@pytest.fixture(scope="module")
def coded(model):
    """A fit that is a network's code itself."""
    case = make_case(model, jaw_open=0.4)
    crop = align_face(standard_five(case.fit.landmarks_px[0]), SIZE)
    origin = object_origin(model)
    pose, focal, centre = camera_of_pose(*CODE.values(), origin, crop)
    fit = case.fit.replace(
        world_to_camera=pose[None], focal_px=[focal], centre_px=centre[None], method="deep3d"
    )
    regression = Regression(
        system="deep3d",
        model=model.name,
        network="made up",
        identity=fit.identity[None],
        expression=fit.expression,
        albedo=fit.albedo[None],
        angles=np.array([CODE["angles"]]),
        light=GAMMA[None],
        translation=np.array([CODE["translation"]]),
        image_size=[SIZE],
        scale=[crop.scale],
        centre=[crop.centre],
        resized=[crop.resized],
        corner=[crop.corner],
    )
    return inputs(model, type(case)(case.capture, fit), regression)


@pytest.fixture(scope="module")
def exporter(model):
    return PublishedExporter(model, ["deep3d", "3ddfa_v3"])


@pytest.fixture(scope="module")
def folders(exporter, optimised, coded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    for name, found in (("optimised", optimised), ("coded", coded)):
        exporter.write(folder / name, name, found)
    return folder


def read_obj(path):
    """Rows of numbers of each keyword."""
    found = {}
    for line in path.read_text().splitlines():
        key, *rest = line.split()
        if key in ("v", "vt"):
            found.setdefault(key, []).append([float(word) for word in rest])
        elif key == "f":
            found.setdefault(key, []).append([int(word.split("/")[0]) for word in rest])
    return {key: np.array(rows) for key, rows in found.items() if key != "f"} | {"f": found["f"]}


@pytest.mark.parametrize("name", ["optimised", "coded"])
def test_the_mesh_and_the_points_follow_from_the_coefficients(name, folders, model, optimised):
    mat = loadmat(folders / name / "deep3d" / f"{name}.mat")
    posed = model.vertices(mat["id"][0], mat["exp"][0]).astype(np.float64)
    world = to_object(posed, object_origin(model)) @ rotation_of_angles(mat["angle"][0])
    world = world + mat["trans"][0]
    mesh = read_obj(folders / name / "deep3d" / f"{name}.obj")
    np.testing.assert_allclose(mesh["v"][:, :3], world, atol=3e-6)
    np.testing.assert_array_equal(np.array(mesh["f"]) - 1, model.triangles)
    up = image_up(model.landmarks["ibug68"].on(world, model.triangles))
    expected = np.stack([up[:, 0], 223 - up[:, 1]], axis=1)
    np.testing.assert_allclose(mat["lm68"][0], expected, atol=1e-3)
    sizes = {key: mat[key].shape for key in ("id", "exp", "tex", "angle", "gamma", "trans")}
    counts = (model.n_identity, model.n_expression, model.n_albedo, 3, 27, 3)
    assert list(sizes.values()) == [(1, n) for n in counts]
    assert mat["lm68"].shape == (1, 68, 2) and mat["id"].dtype == np.float32
    whole = np.concatenate([mat[key] for key in sizes], axis=1)
    np.testing.assert_array_equal(mat["coefficients"], whole)


def test_a_networks_code_is_given_back(folders):
    mat = loadmat(folders / "coded" / "deep3d" / "coded.mat")
    for key, value in (("angle", CODE["angles"]), ("trans", CODE["translation"]), ("gamma", GAMMA)):
        np.testing.assert_allclose(mat[key][0], value, atol=1e-7)


def test_the_fixed_camera_sees_nearly_what_the_fits_camera_sees(folders, optimised):
    mat = loadmat(folders / "optimised" / "deep3d" / "optimised.mat")
    affine = mat["crop"]
    original = 2 * optimised.fit.landmarks_px[0].astype(np.float64) + 0.5
    true = original @ affine[:, :2].T + affine[:, 2]
    published = mat["lm68"][0] + [-0.5, 0.5]  # its points are half a pixel off the pixels
    assert np.abs(published - true).max() < 3
    assert np.abs(published - true).mean() < 1


def test_the_mesh_of_the_photo_and_that_of_the_crop_meet_in_the_photo(folders):
    place = folders / "coded" / "deep3d"
    frames = json.loads((place / "coded_frames.json").read_text())
    crop_mesh = read_obj(place / "coded.obj")["v"][:, :3]
    image_mesh = read_obj(place / "coded_image.obj")["v"][:, :3]
    x, y, z = crop_mesh.T
    in_crop = np.stack([1015 * x / (10 - z) + 111.5, 111.5 - 1015 * y / (10 - z)], axis=1)
    affine = np.array(frames["original_to_crop"])
    K = np.array(frames["K"])
    x, y, z = image_mesh.T
    in_photo = np.stack([K[0, 0] * x / -z + K[0, 2], K[1, 2] - K[1, 1] * y / -z], axis=1)
    np.testing.assert_allclose(in_photo @ affine[:, :2].T + affine[:, 2], in_crop, atol=0.02)
    assert (frames["width"], frames["height"]) == (2 * SIZE[1], 2 * SIZE[0])


def test_three_panels_begin_with_the_crop_and_end_with_points(folders, optimised):
    panels = np.asarray(Image.open(folders / "optimised" / "deep3d" / "optimised.png"))
    assert panels.shape == (224, 672, 3)
    crop = align_face(standard_five(optimised.fit.landmarks_px[0]), SIZE)
    np.testing.assert_array_equal(panels[:, :224], cut_aligned(optimised.capture.image[0], crop))
    face, points = panels[:, 224:448], panels[:, 448:]
    assert 0.2 < (face != panels[:, :224]).any(axis=2).mean() < 0.8
    changed = points[(points != face).any(axis=2)]
    assert {tuple(colour) for colour in changed} == {(255, 0, 0), (0, 0, 255)}


def test_the_arrays_have_the_published_keys_in_px_of_the_original(folders, optimised):
    path = folders / "optimised" / "3ddfa_v3" / "optimised.npy"
    found = np.load(path, allow_pickle=True).item()
    height, width = 2 * SIZE[0], 2 * SIZE[1]
    shapes = {key: (value.shape, value.dtype.name) for key, value in found.items()}
    assert shapes == {
        "ldm68": ((68, 2), "float32"),
        "ldm106": ((106, 2), "float32"),
        "ldm106_2d": ((106, 2), "float32"),
        "ldm134": ((134, 2), "float32"),
        "seg_visible": ((height, width, 1), "float64"),
        "seg": ((height, width, 8), "uint8"),
    }
    np.testing.assert_allclose(found["ldm68"], 2 * optimised.fit.landmarks_px[0] + 0.5, atol=2e-3)
    visible = found["seg_visible"][..., 0]
    assert set(np.unique(visible)) == set(range(9)) and set(np.unique(found["seg"])) == {0, 255}
    for part in range(8):
        assert (found["seg"][..., part][visible == part + 1] == 255).all()


def test_sixteen_panels_of_the_photos_size_begin_with_the_photo(folders, optimised):
    picture = np.asarray(Image.open(folders / "optimised" / "3ddfa_v3" / "optimised.png"))
    assert picture.shape == (4 * SIZE[0], 4 * SIZE[1], 3)
    photo = optimised.capture.image[0]
    panels = picture.reshape(4, SIZE[0], 4, SIZE[1], 3).swapaxes(1, 2).reshape(16, *SIZE, 3)
    np.testing.assert_array_equal(panels[0], photo)
    assert all((panel != photo).any() for panel in panels[1:])
    skin = panels[15][(panels[15] != photo).any(axis=2)]
    assert (skin == (100, 200, 200)).all()
    grey = panels[1][(panels[1] != photo).any(axis=2)]
    assert (grey == grey[:, :1]).all() and grey.max() > 150


def test_vertices_have_the_colour_of_the_texture_and_the_chart_its_picture(folders, model):
    place = folders / "optimised" / "3ddfa_v3"
    mesh = read_obj(place / "optimised_extractTex.obj")
    skin = np.unique(model.triangles[model.region("skin")])
    colours = np.round(mesh["v"][skin, 3:], 3)
    assert {0.485, 0.798} <= set(np.unique(colours))  # 0.2 and 0.6, encoded
    charted = read_obj(place / "optimised_extractTex_uv.obj")
    np.testing.assert_allclose(charted["v"], mesh["v"][:, :3], atol=6e-5)
    np.testing.assert_allclose(charted["vt"], model.uv, atol=1e-6)
    mtl = (place / "optimised_extractTex_uv.mtl").read_text()
    assert "map_Kd optimised_extractTex.png" in mtl
    assert Image.open(place / "optimised_extractTex.png").size == (64, 64)
    plain = read_obj(place / "optimised_pcaTex.obj")
    assert plain["v"][:, 3:].min() >= 0 and plain["v"][:, 3:].max() <= 1
    np.testing.assert_array_equal(plain["v"][:, :3], mesh["v"][:, :3])


def test_the_same_head_gives_the_same_bytes(exporter, optimised, folders, tmp_path):
    exporter.write(tmp_path, "optimised", optimised)
    before = folders / "optimised"
    files = sorted(p.relative_to(before) for p in before.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert len(files) == 5 + 12
    for file in files:
        assert (tmp_path / file).read_bytes() == (before / file).read_bytes(), file


def test_a_head_without_eyeballs_has_all_files(model, tmp_path):
    skin_alone = without_eyeballs(model)
    case = make_case(skin_alone, yaw_deg=10.0)
    PublishedExporter(skin_alone, ["deep3d", "3ddfa_v3"]).write(
        tmp_path, "bare", inputs(skin_alone, case)
    )
    assert len(list(tmp_path.rglob("*.*"))) == 5 + 12
    found = np.load(tmp_path / "3ddfa_v3" / "bare.npy", allow_pickle=True).item()
    assert np.isfinite(found["ldm134"]).all() and found["seg"].any(axis=(0, 1)).all()


def test_a_published_model_has_all_files_and_its_own_colours(model, tmp_path):
    source = write_face_model_npy(tmp_path / "face_model.npy", small_bfm(model))
    convert_model("bfm3ddfa", source, tmp_path / "bfm3ddfa.h5")
    basel = read_face_model(tmp_path / "bfm3ddfa.h5")
    found = inputs(basel, make_case(basel, yaw_deg=20.0))
    fit = found.fit.replace(light=ambient_light()[None])  # shows the albedo itself
    found = replace(found, fit=fit)
    PublishedExporter(basel, ["deep3d", "3ddfa_v3"]).write(tmp_path / "out", "anna", found)
    assert len(list((tmp_path / "out").rglob("*.*"))) == 5 + 12
    mesh = read_obj(tmp_path / "out" / "deep3d" / "anna.obj")
    np.testing.assert_allclose(mesh["v"][:, 3:], np.clip(basel.albedo_mean, 0, 1), atol=1e-3)
    arrays = np.load(tmp_path / "out" / "3ddfa_v3" / "anna.npy", allow_pickle=True).item()
    marks = basel.landmarks["ldm106"].on(basel.mean, basel.triangles)
    camera = fit.world_to_camera[0], fit.focal_px[0], fit.centre_px[0]
    np.testing.assert_allclose(arrays["ldm106"], 2 * project(marks, *camera) + 0.5, atol=2e-3)
    assert arrays["seg"].any(axis=(0, 1)).all() and np.isfinite(arrays["ldm106_2d"]).all()


def test_each_fitted_view_of_several_has_files_of_its_own(model, tmp_path):
    case = make_case(model, views=3, unfitted=[1])
    PublishedExporter(model, ["deep3d"]).write(tmp_path, "anna", inputs(model, case))
    names = {path.name for path in (tmp_path / "deep3d").glob("*.mat")}
    assert names == {"anna_00.mat", "anna_02.mat"}


def test_enlarged_labels_stand_where_their_pixels_were():
    label = np.array([[1, 2], [3, 4]], np.uint8)
    np.testing.assert_array_equal(enlarged(label, (4, 6))[[0, 1, 2, 3]][:, [0, 2, 3, 5]],
                                  np.repeat(np.repeat(label, 2, 0), 2, 1))  # fmt: skip


def test_a_square_covers_four_pixels_from_two_before_and_is_cut_at_the_border():
    image = np.zeros((10, 10, 3), np.uint8)
    drawn = draw_squares(image, np.array([[5.0, 4.0], [0.0, 0.0], [np.nan, 1]]), (255, 0, 0))
    rows, columns = np.nonzero(drawn[..., 0])
    assert set(zip(rows, columns)) == {(y, x) for y in range(2, 6) for x in range(3, 7)} | {
        (0, 0), (0, 1), (1, 0), (1, 1)
    }  # fmt: skip


def test_a_grid_has_four_in_a_row_and_white_in_free_places():
    tile = np.zeros((2, 3, 3), np.uint8)
    assert grid([tile] * 3).shape == (2, 9, 3)
    five = grid([tile] * 5)
    assert five.shape == (4, 12, 3)
    assert (five[2:, 3:] == 255).all() and not five[:2].any() and not five[2:, :3].any()


def test_points_of_a_camera_that_looks_along_the_axis_project_as_told(coded, model):
    """The fit's camera and the published formula agree to the published half pixel."""
    fit = coded.fit
    posed = model.vertices(None, fit.expression[0]).astype(np.float64)
    crop = coded.regression.crop(0)
    camera = fit.world_to_camera, fit.focal_px, fit.centre_px
    seen = crop.to_crop(project(posed[None], *camera)[0])
    world = to_object(posed, object_origin(model)) @ rotation_of_angles(np.array(CODE["angles"]))
    up = image_up(world + CODE["translation"])
    np.testing.assert_allclose(seen, np.stack([up[:, 0] - 0.5, 223.5 - up[:, 1]], 1), atol=1e-6)
