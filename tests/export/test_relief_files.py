"""Relief of a rigged head: two parts that add up to the photo's, blended by expressions."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from lib.artefacts import Surface
from lib.displacement.write import decoded_mm
from lib.export import ExportOptions, HeadExporter, Measured
from lib.export.head import SURFACE_FILES
from lib.export.relief import FOLDS_PX, WRINKLE_FILES, ZERO_8
from lib.export.wrinkles import MOST, ZONES, head_wrinkles
from lib.uvspace.grid import chart_grid
from tests.export.test_glb import Glb, validate
from tests.synthetic_head import synthetic_model

SIDE = 96
SMILE = np.array([0.0, 0.0, 0.8])


@pytest.fixture(scope="module")
def squeezing():
    """The third expression draws the face together towards its middle, the second moves it."""
    plain = synthetic_model()
    basis = np.zeros_like(plain.expression_basis)
    basis[1, :, 1] = 3.0
    basis[2] = -0.2 * plain.mean * [1, 1, 0]
    return replace(plain, expression_basis=basis)


@pytest.fixture(scope="module")
def writer(squeezing):
    return HeadExporter(
        squeezing, ExportOptions(overlay_side_px=300, turntable_px=60, glb_texture_px=SIDE)
    )


@pytest.fixture(scope="module")
def fit(case):
    return case.fit.replace(expression=[SMILE])


@pytest.fixture(scope="module")
def surface(squeezing, fit):
    model = squeezing
    posed = fit.vertices + np.tensordot(SMILE, model.expression_basis, 1)
    grid = chart_grid(model, posed.astype(np.float32), SIDE)
    waves = 0.2 * np.sin(grid.position[..., 0]) * np.sin(grid.position[..., 1] / 2)
    share = np.clip(0.5 + grid.position[..., 1] / 60, 0, 1)
    return Surface(
        method="shading:optimise",
        head_to_world=np.eye(3, 4),
        position_mm=np.where(grid.mask[..., None], grid.position, np.nan),
        normal=grid.normal,
        distance_mm=waves * grid.mask,
        confidence=grid.mask,
        expression_share=share * grid.mask,
    )


@pytest.fixture(scope="module")
def folder(writer, case, fit, surface, tmp_path_factory):
    folder = tmp_path_factory.mktemp("relief") / "anna"
    given = (case.capture, case.landmarks, fit, case.texture)
    writer.write(folder, "anna", *given, Measured(surface))
    return folder


def test_with_the_photos_expression_the_relief_is_the_photos(squeezing, fit, surface):
    wrinkles = head_wrinkles(squeezing, fit, surface)
    assert wrinkles.gains.any() and np.abs(wrinkles.folds_mm).max() > 0.05
    np.testing.assert_allclose(wrinkles.height_mm(SMILE), surface.distance_mm, atol=1e-3)


def test_at_rest_only_the_resting_part_is_left(squeezing, fit, surface):
    wrinkles = head_wrinkles(squeezing, fit, surface)
    np.testing.assert_array_equal(wrinkles.height_mm(np.zeros(3)), wrinkles.resting_mm)
    share = surface.expression_share.astype(np.float32)
    left = np.abs(wrinkles.resting_mm)[share == 1]
    assert left.sum() < 0.3 * np.abs(surface.distance_mm)[share == 1].sum()


def test_folds_grow_with_the_expression_up_to_a_limit(squeezing, fit, surface):
    wrinkles = head_wrinkles(squeezing, fit, surface)
    size = [
        np.abs(wrinkles.height_mm(factor * SMILE) - wrinkles.resting_mm).sum()
        for factor in (0, 0.5, 1, 1.5, 3)
    ]
    assert size[0] == 0
    np.testing.assert_allclose(size[1] / size[2], 0.5, atol=1e-3)
    np.testing.assert_allclose(size[3] / size[2], MOST, atol=1e-3)
    np.testing.assert_allclose(size[4], size[3])


def test_what_no_expression_of_the_photo_squeezes_stays(squeezing, case, surface):
    resting = case.fit.replace(expression=np.zeros((1, 3)))
    wrinkles = head_wrinkles(squeezing, resting, surface)
    assert not wrinkles.gains.any() and not wrinkles.folds_mm.any()
    np.testing.assert_array_equal(wrinkles.resting_mm, surface.distance_mm)


def test_all_files_of_a_relief_are_there_and_its_maps_add_up(folder, surface):
    assert {*SURFACE_FILES, *WRINKLE_FILES} <= {path.name for path in folder.iterdir()}
    assert not (folder / "rig.json").exists()
    told = json.loads((folder / "wrinkles.json").read_text())
    pixels = [
        cv2.imread(str(folder / told[part]), cv2.IMREAD_UNCHANGED) for part in ("resting", "folds")
    ]
    assert pixels[0].shape == (SIDE, SIDE)  # no larger than what is known
    total = sum(decoded_mm(part, told["rangeMm"]) for part in pixels)
    np.testing.assert_allclose(total, surface.distance_mm, atol=1e-4)
    zones = [cv2.imread(str(folder / name)).astype(int) for name in told["zoneImages"]]
    inside = np.dstack(zones).sum(axis=2)
    assert told["zones"] == list(ZONES) and np.abs(inside[inside > 0] - 255).max() <= 6
    assert set(told["gains"]) == {"mouthSmileRight"}  # nothing else squeezes its wrinkles


def test_the_glb_holds_normals_and_both_displacement_maps(folder):
    glb = Glb(folder / "head.glb")
    names = [image["name"] for image in glb.json["images"]]
    assert names[:2] == ["albedo", "normal"]
    skin, *others = glb.json["materials"]
    assert skin["normalTexture"] == {"index": 1} and glb.json["textures"][1]["source"] == 1
    assert all("normalTexture" not in other and "extras" not in other for other in others)
    told = skin["extras"]["wrinkles"]
    found = {}
    for part in ("resting", "folds"):
        image = glb.json["images"][told[part]["image"]]
        view = glb.json["bufferViews"][image["bufferView"]]
        start = view["byteOffset"]
        data = np.frombuffer(glb.binary, np.uint8, view["byteLength"], start)
        found[part] = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        assert image["name"] == f"displacement_{part}" and len(found[part]) <= FOLDS_PX
    height = sum(
        (part.astype(float) - ZERO_8) / (ZERO_8 - 1) * told["rangeMm"] for part in found.values()
    )
    assert 0.05 < np.abs(height).max() < 0.25
    assert set(told["gains"]["mouthSmileRight"]) != {0}


def test_the_mesh_can_be_left_out(squeezing, case, fit, surface, tmp_path):
    options = ExportOptions(overlay_side_px=300, turntable_px=60, detail_mesh=False)
    given = (case.capture, case.landmarks, fit, case.texture)
    HeadExporter(squeezing, options).write(tmp_path, "anna", *given, Measured(surface))
    assert not (tmp_path / "detail.ply").exists() and (tmp_path / "normal.png").exists()


def test_tangents_run_along_u_and_the_chart_is_not_mirrored(folder, squeezing, fit):
    glb = Glb(folder / "head.glb")
    skin = glb.mesh["primitives"][0]
    tangent, normal, uv, points = (
        glb.accessor(skin["attributes"][name])
        for name in ("TANGENT", "NORMAL", "TEXCOORD_0", "POSITION")
    )
    np.testing.assert_allclose(np.linalg.norm(tangent[:, :3], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose((tangent[:, :3] * normal).sum(axis=1), 0, atol=1e-4)
    assert (tangent[:, 3] == 1).all()
    triangles = glb.accessor(skin["indices"]).reshape(-1, 3)
    step = points[triangles[:, 1:]] - points[triangles[:, :1]]
    across = uv[triangles[:, 1:]] - uv[triangles[:, :1]]
    front = points[triangles].mean(axis=1)[:, 2] > np.percentile(points[:, 2], 70)
    # an edge along the chart's rows runs along the tangent
    flat = front[:, None] & (np.abs(across[..., 1]) < 1e-6) & (np.abs(across[..., 0]) > 1e-6)
    assert flat.any()
    along = step[flat] * np.sign(across[flat][:, :1])
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    corner = np.repeat(triangles[:, :1], 2, axis=1)[flat]
    assert ((along * tangent[corner, :3]).sum(axis=1) > 0.9).all()


def test_the_khronos_validator_finds_nothing_in_it(folder, tmp_path):
    (tmp_path / "head.glb").write_bytes((folder / "head.glb").read_bytes())
    issues = validate(tmp_path / "head.glb")
    assert issues["numErrors"] == issues["numWarnings"] == 0, issues["messages"]


def test_heads_without_a_surface_have_no_normal_map(exported):
    glb = Glb(exported / "head.glb")
    assert len(glb.json["images"]) == 1
    assert not any("normalTexture" in material for material in glb.json["materials"])


def test_the_same_relief_gives_the_same_bytes(writer, case, fit, surface, folder, tmp_path):
    given = (case.capture, case.landmarks, fit, case.texture)
    writer.write(tmp_path / "anna", "anna", *given, Measured(surface))
    for path in folder.iterdir():
        assert (tmp_path / "anna" / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_surface_that_knows_nothing_leaves_the_head_as_fitted(writer, case, surface, tmp_path):
    given = (case.capture, case.landmarks, case.fit, case.texture)
    writer.write(tmp_path / "a", "anna", *given, Measured(surface.replace(method="none")))
    writer.write(tmp_path / "b", "anna", *given)
    names = [{path.name for path in (tmp_path / name).iterdir()} for name in "ab"]
    assert names[0] == names[1]
