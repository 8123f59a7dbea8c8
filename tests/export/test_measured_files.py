"""Files of a measured head: what they hold is the surface, in the frames they name."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from lib.artefacts import BaseMesh, Displacement, Surface
from lib.captures.formats.own import find_own
from lib.displacement.write import decoded_mm
from lib.export.measured import Measured, measured_fit, rig_table, write_measured
from lib.uvspace.grid import chart_grid
from lib.uvspace.mesh import grid_triangles
from lib.uvspace.seams import sewn
from tests.studio import YAWS, camera, rig_of
from tests.synthetic_head import synthetic_case, synthetic_model

SIZE = 96
TURN = Rotation.from_rotvec([0.2, 0.7, -0.4]).as_matrix()
PLACED = np.column_stack([TURN, [30.0, -12.0, 950.0]])


@pytest.fixture(scope="module")
def model():
    return synthetic_model()


@pytest.fixture(scope="module")
def case(model):
    return synthetic_case(model, n_views=len(YAWS))


@pytest.fixture(scope="module")
def measured(model, case):
    return _measured(model, case)


def _measured(model, case, method="variational", fine_mm=0.03):
    posed = model.vertices(case.fit.identity, case.fit.expression[0])
    free = 1.5 * np.sin(model.mean[:, 1:2] / 30) * [0, 0, 1]
    vertices = (posed + free) @ TURN.T + PLACED[:, 3]
    grid = chart_grid(model, vertices.astype(np.float32), SIZE)
    chance = np.random.default_rng(0)
    distance = gaussian_filter(chance.standard_normal(grid.mask.shape), 4) * 6
    height = gaussian_filter(chance.standard_normal(grid.mask.shape), 1) * fine_mm
    return Measured(
        rig=rig_of([camera(yaw) for yaw in YAWS]),
        base=BaseMesh(
            model=model.name,
            source="views",
            vertices_mm=vertices,
            head_to_world=PLACED,
            free_form_mm=np.zeros(model.n_vertices),
            observed=np.ones(model.n_vertices),
        ),
        surface=Surface(
            method=method,
            head_to_world=PLACED,
            position_mm=np.where(grid.mask[..., None], grid.position, np.nan),
            normal=grid.normal,
            distance_mm=distance * grid.mask,
            confidence=np.clip(chance.uniform(size=grid.mask.shape), 0, 1) * grid.mask,
            expression_share=np.zeros(grid.mask.shape),
        ),
        displacement=Displacement(
            method="made", height_mm=height, confidence=np.ones(grid.mask.shape)
        ),
    )


@pytest.fixture(scope="module")
def folder(model, measured, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    write_measured(folder, model, measured, SIZE)
    return folder


def test_the_neutral_head_with_its_expression_is_the_base_in_the_world(model, case, measured):
    fit = measured_fit(model, case.fit, measured.base)
    expression = fit.expression[fit.frontal_view]
    posed = fit.vertices + np.tensordot(expression, model.expression_basis, 1)
    world = posed @ PLACED[:, :3].T + PLACED[:, 3]
    assert np.abs(expression).max() > 0.1
    np.testing.assert_allclose(world, measured.base.vertices_mm, atol=2e-4)
    assert np.abs(fit.vertices - case.fit.vertices).max() > 1  # the measured shape, not the fit's


def test_the_displacement_map_holds_surface_and_fine_relief(measured, folder):
    told = json.loads((folder / "displacement.json").read_text())
    pixels = cv2.imread(str(folder / "displacement.png"), cv2.IMREAD_UNCHANGED)
    assert pixels.dtype == np.uint16 and pixels.shape == (SIZE, SIZE)
    reach = told["range_mm"]
    fine = measured.displacement.height_mm.astype(np.float32)
    wanted = measured.surface.distance_mm + fine
    assert np.abs(wanted).max() <= reach < 2 * np.abs(wanted).max() + 0.25
    np.testing.assert_allclose(decoded_mm(pixels, reach), wanted, atol=0.51 * reach / 32768)


def test_the_float_map_holds_the_same(measured, folder):
    assert (folder / "displacement.exr").stat().st_size > SIZE * SIZE
    normal = cv2.imread(str(folder / "normal.png"), cv2.IMREAD_UNCHANGED)
    assert normal.shape == (SIZE, SIZE, 3) and normal.dtype == np.uint16
    unit = normal[..., ::-1].astype(np.float64) / 65535 * 2 - 1
    np.testing.assert_allclose(np.linalg.norm(unit, axis=2), 1, atol=1e-4)
    assert (unit[..., 2] > 0).all() and np.abs(unit[..., :2]).max() > 0.05


def test_the_detailed_mesh_lies_on_the_measured_surface(model, measured, folder):
    vertices, confidence, triangles = read_ply(folder / "detail.ply")
    surface = measured.surface
    known = np.isfinite(surface.position_mm).all(axis=2)
    texel, wanted = grid_triangles(known)
    points = surface.points_mm.reshape(-1, 3)[texel]
    np.testing.assert_array_equal(triangles[: len(wanted)], wanted)
    more = sewn(texel, wanted, known.shape, model)
    np.testing.assert_array_equal(triangles[len(wanted) :], more)
    assert len(more) > 50
    fine = measured.displacement.height_mm.astype(np.float32).ravel()[texel]
    off = ((vertices - points) * surface.normal.reshape(-1, 3)[texel]).sum(axis=1)
    share = surface.confidence.astype(np.float32).ravel()[texel]
    np.testing.assert_allclose(off, fine, atol=2e-4)
    np.testing.assert_allclose(np.linalg.norm(vertices - points, axis=1), np.abs(fine), atol=2e-4)
    np.testing.assert_array_equal(confidence, share)
    assert b"property float confidence\n" in (folder / "detail.ply").read_bytes()[:600]


def test_without_relief_it_is_the_surface_itself(model, case, tmp_path):
    plain = _measured(model, case, fine_mm=0.0)
    write_measured(tmp_path, model, plain, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["detail.ply"]
    vertices, _, _ = read_ply(tmp_path / "detail.ply")
    known = np.isfinite(plain.surface.position_mm).all(axis=2)
    texel, _ = grid_triangles(known)
    np.testing.assert_array_equal(vertices, plain.surface.points_mm.reshape(-1, 3)[texel])


def test_maps_of_another_size_show_the_same_heights(model, measured, tmp_path):
    write_measured(tmp_path, model, measured, 2 * SIZE)
    reach = json.loads((tmp_path / "displacement.json").read_text())["range_mm"]
    pixels = cv2.imread(str(tmp_path / "displacement.png"), cv2.IMREAD_UNCHANGED)
    found = decoded_mm(pixels, reach).reshape(SIZE, 2, SIZE, 2).mean(axis=(1, 3))
    fine = measured.displacement.height_mm.astype(np.float32)
    wanted = measured.surface.distance_mm + fine
    mask = measured.surface.confidence > 0
    assert np.median(np.abs(found - wanted)[mask]) < 0.02 * wanted[mask].std()


def test_a_single_photo_measured_nothing(model, case):
    assert not _measured(model, case, method="none").told
    assert _measured(model, case).told


def test_the_rigs_table_tells_of_every_view(case, measured):
    used, error = np.ones(len(YAWS)), np.full((len(YAWS), 68), np.nan)
    inlier = np.zeros((len(YAWS), 68))
    used[1], inlier[0, :3], error[0, :4] = 0, 1, [0.5, 0.7, 0.9, 99]
    reason = ["", "no face", "", "", ""]
    rig = measured.rig.replace(used=used, reason=reason, inlier=inlier, reprojection_px=error)
    told = rig_table(case.capture, rig, measured.base, measured.surface)
    assert told["poses"] == told["millimetres"] == "file"
    assert [view["used"] for view in told["views"]] == [True, False, True, True, True]
    assert told["views"][1]["reason"] == "no face"
    assert told["views"][0]["median_reprojection_px"] == 0.7  # outliers do not count
    assert told["views"][2]["median_reprojection_px"] is None
    np.testing.assert_allclose(told["head_to_world"], PLACED, atol=1e-9)
    assert "/" not in told["views"][0]["photo"]
    json.dumps(told)


def test_the_rigs_table_is_a_camera_file_that_gives_the_same_cameras(case, measured, tmp_path):
    """Of photos as they were given: twice as broad, three times as high as the working images."""
    capture = case.capture.replace(
        path=[f"photos/{i}.jpg" for i in range(len(YAWS))],
        working_to_original=np.tile([2.0, 3.0], (len(YAWS), 1)),
        original_size=[(3 * h, 2 * w) for h, w in case.capture.original_size],
        distortion=np.tile([-0.1, 0.02, 0, 0, 0, 0, 0, 0], (len(YAWS), 1)),
    )
    told = json.loads(json.dumps(rig_table(capture, measured.rig, measured.base, measured.surface)))
    names = [Path(path).name for path in capture.path]
    for view, name in enumerate(names):
        found = find_own(told, tmp_path / "rig.json", tmp_path / name)
        np.testing.assert_allclose(found.world_to_camera, measured.rig.world_to_camera[view])
        assert found.length_unit == "mm" and found.distortion[0] == -0.1
        np.testing.assert_allclose(found.focal_px, measured.rig.focal_px[view] * np.array([2, 3]))
        wanted = (measured.rig.centre_px[view] + 0.5) * [2, 3] - 0.5
        np.testing.assert_allclose(found.centre_px, wanted)
    poses = measured.rig.world_to_camera.copy()
    poses[1] = np.nan
    blind = dataclasses.replace(measured, rig=measured.rig.replace(world_to_camera=poses))
    told = [
        entry["name"]
        for entry in rig_table(capture, blind.rig, blind.base, blind.surface)["cameras"]
    ]
    assert told == [Path(name).stem for name in names[:1] + names[2:]]


def read_ply(path):
    """Vertices (n, 3), values (n,) and triangles (t, 3) of a file of `write_ply`."""
    header, _, body = path.read_bytes().partition(b"end_header\n")
    counts = [int(line.split()[-1]) for line in header.split(b"\n") if line.startswith(b"element")]
    point = np.frombuffer(body, "<f4", 7 * counts[0]).reshape(-1, 7)
    face = np.frombuffer(
        body[28 * counts[0] :], np.dtype([("n", "u1"), ("corner", "<i4", 3)]), counts[1]
    )
    assert (face["n"] == 3).all()
    return point[:, :3], point[:, 6], face["corner"]
