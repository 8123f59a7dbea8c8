"""A folder laid out like FaceScape's, with an egg in a unit and a frame of its own."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from lib.metrics.importers.files import DatasetError
from lib.training.facescape import facescape_scenes, read_textured_obj
from lib.training.run import train_implicit
from lib.training.store import find_sources
from tests.synthetic_head import synthetic_model
from tests.training.worlds import TINY, cameras, truth

SCALE = 37.0  # mm per unit of the take
EXACT = TINY.__class__(**{**vars(TINY), "base_error_mm": 0.0})


def write_take(folder, person="12", expression="1_neutral"):
    """Photos, cameras, scan, head and scale of one take; its truth."""
    given, model = truth(0, "egg"), synthetic_model()
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    head = np.column_stack([turn, [5.0, -3, 8]])  # millimetres of the take to those of the head
    images = folder / "imgs" / person / expression
    images.mkdir(parents=True)
    parameters = {}
    for view, camera in enumerate(cameras()):
        Image.fromarray(given.image[view]).save(images / f"{view}.jpg", quality=100, subsampling=0)
        matrix = np.eye(3)
        matrix[[0, 1], [0, 1]] = camera.focal_px
        matrix[:2, 2] = camera.centre_px
        pose = camera.world_to_camera.copy()
        pose[:, 3] /= SCALE
        height, width = given.image[view].shape[:2]
        parameters |= {
            f"{view}_K": matrix.tolist(),
            f"{view}_Rt": pose.tolist(),
            f"{view}_distortion": [0.0] * 5,
            f"{view}_width": width,
            f"{view}_height": height,
            f"{view}_valid": True,
        }
    (images / "params.json").write_text(json.dumps(parameters))
    scan = folder / "mesh" / person
    scan.mkdir(parents=True)
    write_ply(scan / f"{expression}.ply", given.detail_mm / SCALE, given.detail_triangles)
    models = folder / "models" / person
    models.mkdir(parents=True)
    skin = model.region("skin")
    placed = given.vertices_mm @ turn.T + head[:, 3]
    write_obj(
        models / f"{expression}.obj",
        placed,
        model.uv,
        model.triangles[skin],
        model.uv_triangles[skin],
    )
    scales = folder / "Rt_scale_dict.json"
    table = json.loads(scales.read_text()) if scales.is_file() else {}
    table[person] = {expression.split("_")[0]: [SCALE, head.tolist()]}
    scales.write_text(json.dumps(table))
    return given


def write_ply(path, vertices, triangles):
    lines = ["ply", "format ascii 1.0", f"element vertex {len(vertices)}"]
    lines += [f"property float {axis}" for axis in "xyz"]
    lines += [
        f"element face {len(triangles)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    lines += [" ".join(f"{value:.7f}" for value in row) for row in vertices]
    lines += [f"3 {a} {b} {c}" for a, b, c in triangles]
    path.write_text("\n".join(lines) + "\n")


def write_obj(path, vertices, uv, triangles, uv_triangles):
    lines = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in vertices]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in uv]
    pairs = zip(triangles + 1, uv_triangles + 1)
    lines += ["f " + " ".join(f"{a}/{b}" for a, b in zip(*pair)) for pair in pairs]
    path.write_text("\n".join(lines) + "\n")


def test_a_take_is_a_scene_in_millimetres_of_its_own_frame(tmp_path):
    from lib.training.scenes import scene_of_truth

    given = write_take(tmp_path)
    ((name, subject, make),) = facescape_scenes(tmp_path)
    assert (name, subject) == ("facescape_12_1_neutral", "facescape_12")
    found = make(EXACT, np.random.default_rng(0))
    model = synthetic_model()
    expected = scene_of_truth(given, "egg", model, EXACT, np.random.default_rng(0))
    both = found.known & expected.known
    assert both.sum() > 0.8 * expected.known.sum()
    np.testing.assert_allclose(found.position[both], expected.position[both], atol=2e-3)
    np.testing.assert_allclose(found.distance_mm[both], expected.distance_mm[both], atol=0.05)
    for one, other in zip(found.cameras, expected.cameras):
        np.testing.assert_allclose(one.world_to_camera, other.world_to_camera, atol=1e-9)
        assert one.focal_px == pytest.approx(other.focal_px)
    for one, other in zip(found.images, expected.images):
        assert np.abs(one.astype(int) - other).mean() < 4  # JPEG


def test_takes_are_sources_like_others(tmp_path):
    write_take(tmp_path)
    (source,) = find_sources([str(tmp_path)])
    assert source.subject == "facescape_12"


@pytest.mark.parametrize("method", ["learned", "mvfr"])
def test_networks_are_trained_on_takes_and_their_card_names_the_terms(tmp_path, method):
    data = tmp_path / "data"
    for person in ("12", "340"):
        write_take(data, person)
    options = replace(TINY, data=[str(data)], method=method, epochs=1)
    trained = train_implicit(options, tmp_path / "out", torch.device("cpu"))
    assert trained.steps == 1 and trained.validation["loss"] > 0
    told = json.loads((tmp_path / "out" / "card.json").read_text())
    parts = {part: len(names) for part, names in told["data"].items()}
    assert parts == {"train": 1, "validation": 1}
    assert "FaceScape" in told["card"]["licence"]


def test_a_take_without_scan_head_or_scale_is_left_out_and_none_at_all_is_told(tmp_path):
    write_take(tmp_path)
    (tmp_path / "models" / "12" / "1_neutral.obj").unlink()
    with pytest.raises(DatasetError, match=r"no take with a scan"):
        facescape_scenes(tmp_path)
    (tmp_path / "Rt_scale_dict.json").write_text("[1, 2]")
    with pytest.raises(DatasetError, match="is not as expected"):
        facescape_scenes(tmp_path)


def test_quads_are_split_and_a_face_without_coordinates_is_refused(tmp_path):
    path = tmp_path / "x.obj"
    path.write_text(
        "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n"
    )
    vertices, uv, triangles, uv_triangles = read_textured_obj(path)
    assert triangles.tolist() == uv_triangles.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert vertices.shape == (4, 3) and uv.shape == (4, 2)
    path.write_text("v 0 0 0\nf 1 1 1\n")
    with pytest.raises(DatasetError, match="another form"):
        read_textured_obj(path)
