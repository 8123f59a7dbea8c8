import dataclasses
import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from lib.errors import ShapeError
from lib.export import ExportOptions, HeadExporter
from lib.export.glb import GlbHead, Material, glb_rig, write_glb
from lib.facemodel import load_face_model
from lib.imaging import encode_png
from tests.synthetic_head import EXPRESSIONS, synthetic_case

VALIDATOR = "VISAGRAPH_GLTF_VALIDATOR"
VALIDATE = """
import { createRequire } from 'module';
import fs from 'fs';
const validator = createRequire(process.argv[2] + '/')('gltf-validator');
const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[3])));
console.log(JSON.stringify(report.issues));
"""
COMPONENTS = {5123: ("<u2", 2), 5125: ("<u4", 4), 5126: ("<f4", 4)}
WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


class Glb:
    """A GLB read back by the words of the specification."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON"
        self.json = json.loads(data[20 : 20 + size])
        self.binary = data[28 + size :]
        self.mesh = self.json["meshes"][0]

    def accessor(self, index):
        entry = self.json["accessors"][index]
        width = WIDTH[entry["type"]]
        if "bufferView" in entry:
            return self._read(entry["bufferView"], 0, entry["componentType"], entry["count"], width)
        sparse, values = entry["sparse"], np.zeros((entry["count"], width), np.float32)
        place, moved = sparse["indices"], sparse["values"]
        rows = self._read(
            place["bufferView"], place["byteOffset"], place["componentType"], sparse["count"], 1
        )
        values[rows[:, 0]] = self._read(
            moved["bufferView"], moved["byteOffset"], entry["componentType"], sparse["count"], width
        )
        return values

    def _read(self, view, offset, component, count, width):
        kind, _ = COMPONENTS[component]
        start = self.json["bufferViews"][view]["byteOffset"] + offset
        return np.frombuffer(self.binary, kind, count * width, start).reshape(count, width)


@pytest.fixture(scope="module")
def glb(exported):
    return Glb(exported / "head.glb")


def validate(path):
    folder = os.environ.get(VALIDATOR)
    if shutil.which("node") is None:
        pytest.skip("node is not installed, the Khronos validator needs it")
    if not folder or not (Path(folder) / "gltf-validator").is_dir():
        pytest.skip(f"{VALIDATOR} does not name a node_modules folder with gltf-validator")
    script = path.with_name("validate.mjs")
    script.write_text(VALIDATE)
    done = subprocess.run(
        ["node", script, Path(folder).parent, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_khronos_validator_finds_nothing(exported, tmp_path):
    shutil.copy(exported / "head.glb", tmp_path)
    issues = validate(tmp_path / "head.glb")
    assert issues["numErrors"] == issues["numWarnings"] == 0, issues["messages"]


def test_positions_are_the_neutral_head_in_metres(glb, case):
    found = np.concatenate(
        [glb.accessor(p["attributes"]["POSITION"]) for p in glb.mesh["primitives"]]
    )
    expected = np.unique(np.float32(case.fit.vertices * 0.001), axis=0)
    np.testing.assert_allclose(np.unique(found, axis=0), expected, atol=1e-7)


def test_targets_move_each_vertex_as_the_model_does(glb, model, case):
    nearest = cKDTree(case.fit.vertices)
    for primitive in glb.mesh["primitives"]:
        corner = glb.accessor(primitive["attributes"]["POSITION"]) * 1000
        distance, index = nearest.query(corner)
        assert distance.max() < 1e-4
        for k, target in enumerate(primitive["targets"]):
            moved = glb.accessor(target["POSITION"]) * 1000
            np.testing.assert_allclose(moved, model.expression_basis[k][index], atol=2.1e-3)


def test_targets_are_named_and_at_rest(glb):
    assert glb.mesh["extras"]["targetNames"] == list(EXPRESSIONS)
    assert glb.mesh["weights"] == [0.0] * len(EXPRESSIONS)
    assert glb.mesh["extras"]["fittedExpression"] == {"jawOpen": 0.25}
    assert {len(p["targets"]) for p in glb.mesh["primitives"]} == {len(EXPRESSIONS)}


def test_triangles_keep_corners_and_uv(glb, model, case):
    rows = []
    for primitive in glb.mesh["primitives"]:
        index = glb.accessor(primitive["indices"])[:, 0]
        point = glb.accessor(primitive["attributes"]["POSITION"])[index] * 1000
        uv = glb.accessor(primitive["attributes"]["TEXCOORD_0"])[index] * [1, -1] + [0, 1]
        rows.append(np.concatenate([point, uv], axis=1))
    found = np.concatenate(rows).reshape(-1, 15)
    corner = case.fit.vertices[model.triangles], model.uv[model.uv_triangles]
    order = np.argsort(model.triangle_region > 0, kind="stable")
    expected = np.concatenate(corner, axis=2).reshape(-1, 15)[order]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_eyes_have_their_own_shiny_material(glb):
    materials = {m["name"]: m["pbrMetallicRoughness"] for m in glb.json["materials"]}
    assert list(materials) == ["skin", "eyes"]
    assert materials["eyes"]["roughnessFactor"] < materials["skin"]["roughnessFactor"]


def test_sigma_is_a_vertex_attribute(glb, case):
    found = np.concatenate(
        [glb.accessor(p["attributes"]["_SIGMA_MM"]) for p in glb.mesh["primitives"]]
    )
    assert found.min() == case.fit.vertex_sigma_mm.min()
    assert found.max() == case.fit.vertex_sigma_mm.max()


def test_trimesh_opens_the_head(exported, model):
    scene = trimesh.load(exported / "head.glb")
    assert sum(len(mesh.faces) for mesh in scene.geometry.values()) == len(model.triangles)
    mesh = scene.to_geometry()
    np.testing.assert_allclose(mesh.extents, np.ptp(model.mean, axis=0) / 1000, rtol=0.1)
    assert mesh.volume > 0


def test_a_vertex_without_normal_and_a_target_without_movement_are_valid(tmp_path):
    corners = np.array([[0, 1, 2]])
    rig = glb_rig(
        corners,
        np.float32([[0, 0], [1, 0], [0, 1]]),
        corners,
        np.zeros(1, int),
        (Material("skin", 0.5), Material("eyes", 0.1)),
        ("nothing",),
        np.zeros((1, 3, 3), np.float32),
    )
    points = np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    write_glb(tmp_path / "flat.glb", GlbHead("flat", points, 0 * points, _pixel()), rig)
    glb = Glb(tmp_path / "flat.glb")
    primitive = glb.mesh["primitives"][0]
    np.testing.assert_array_equal(glb.accessor(primitive["attributes"]["NORMAL"]), [[0, 0, 1]] * 3)
    assert not glb.accessor(primitive["targets"][0]["POSITION"]).any()
    issues = validate(tmp_path / "flat.glb")
    assert issues["numErrors"] == issues["numWarnings"] == 0, issues["messages"]


@pytest.mark.slow
def test_the_default_model_gives_a_valid_head_with_52_targets(tmp_path):
    model = load_face_model("makehuman")
    case = synthetic_case(model)
    HeadExporter(model).write(
        tmp_path, "anna", case.capture, case.landmarks, case.fit, case.texture
    )
    glb = Glb(tmp_path / "head.glb")
    assert len(glb.mesh["extras"]["targetNames"]) == 52
    assert "jawOpen" in glb.mesh["extras"]["targetNames"]
    assert {m["name"] for m in glb.json["materials"]} >= {"skin", "eyes", "teeth"}
    issues = validate(tmp_path / "head.glb")
    assert issues["numErrors"] == issues["numWarnings"] == 0, issues["messages"]


def test_parts_of_a_rig_must_fit_together():
    corners = np.array([[0, 1, 2]])
    uv, material = np.zeros((3, 2), np.float32), np.zeros(1, int)
    with pytest.raises(ShapeError, match="uv_triangles"):
        glb_rig(corners, uv, corners[:, :2], material, (Material("skin", 0.5),))
    with pytest.raises(ShapeError, match="target_names"):
        glb_rig(corners, uv, corners, material, (Material("skin", 0.5),), ("smile",))


def _pixel():
    return encode_png(np.full((1, 1, 3), 128, np.uint8))


def test_fitted_expressions_of_both_signs_are_told(model, case, tmp_path):
    signed = dataclasses.replace(model, expression_prior="normal")
    expression = np.array([[-0.5, 0.0, 1.25]], np.float32)
    fit = dataclasses.replace(case.fit, expression=expression)
    HeadExporter(signed, ExportOptions(overlay_side_px=64, turntable_px=16)).write(
        tmp_path, "anna", case.capture, case.landmarks, fit, case.texture
    )
    extras = Glb(tmp_path / "head.glb").mesh["extras"]
    assert extras["fittedExpression"] == {EXPRESSIONS[0]: -0.5, EXPRESSIONS[2]: 1.25}
