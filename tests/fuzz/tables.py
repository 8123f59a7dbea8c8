"""Sample sheets, ledgers, settings, points, meshes, and lists of data sets."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from lib.evaluation.truth import _named_vertices, _scan_points
from lib.facemodel.schema import read_landmark_scheme
from lib.facemodel.wavefront import read_obj
from lib.metrics.importers import read_mesh
from lib.metrics.importers.facescape import _lab_camera
from lib.metrics.importers.files import read_obj_points, read_rows
from lib.metrics.importers.now import read_picked_points
from lib.metrics.importers.three_hundred import read_pts
from lib.networks.given import read_given
from lib.planning import read_ledger, read_samples
from lib.planning.settings import checked_settings, read_settings
from lib.training.datalist import read_points_up
from tests.fuzz.arrays import npy
from tests.fuzz.reader import Reader, text

SHEET = (
    "capture\tview\timage\tsubject\tcamera\tmask\ttruth\n"
    "anna\t00\ta.jpg\tAnna\tcameras.json\tm.png\t\nanna\t01\tb.jpg\tAnna\t\t\t\n"
    '# note\n\t\t"c d.jpg"\t\t\t\t\n'
)
LEDGER = (
    "batch\tcapture\tview\timage\tsubject\tcamera\tsize\tmtime_ns\n"
    "b0001\tanna\t00\ta.jpg\tanna\t\t12\t1700000000000\nb0002\tbob\t00\tb.jpg\tbob\t\t1\t17\n"
)
SETTINGS = (
    "batch_size: 8\nface_model: makehuman\nfit:\n  landmark_iterations: 20\n"
    "texture: {uv_size: 512}\nimport: &a {max_side_px: 800}\n"
)
POINTS = [[float(k), k * 0.5] for k in range(68)]
ROWS = "\n".join(f"{x} {y}" for x, y in POINTS)
OBJ = "v 0 0 0\nv 1 0 0\nv 1 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nf 1/1 2/2 3/3\n"
PLY = (
    "ply\nformat {kind} 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
    "property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
)
PP = (
    "<!DOCTYPE PickedPoints>\n<PickedPoints>"
    + "".join(f'<point x="{k}" y="1" z="2" name="{k}"/>' for k in range(7))
    + "</PickedPoints>"
)
OFF = "OFF\n3 1 0\n0 0 0\n1 0 0\n1 1 0\n3 0 1 2\n"
SCHEME = {"scheme": "ibug68", "points": [{"triangle": 3, "barycentric": [0.2, 0.3, 0.5]}] * 2}
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0]], "<f4")


def stl() -> bytes:
    normal = struct.pack("<3f", 0, 0, 1)
    return bytes(80) + struct.pack("<I", 1) + normal + CORNERS.tobytes() + b"\0\0"


def ply() -> bytes:
    head = PLY.format(kind="binary_little_endian").encode()
    return head + CORNERS.tobytes() + struct.pack("<B3i", 3, 0, 1, 2)


def glb() -> bytes:
    import trimesh

    return trimesh.Trimesh(CORNERS, [[0, 1, 2]], process=False).export(file_type="glb")


def mesh(name: str, content: bytes) -> Reader:
    return Reader(name, lambda _: content, lambda folder: read_mesh(folder / name))


def given(suffix: str, content: str) -> Reader:
    return Reader(f"a{suffix}", text(content), lambda folder: read_given(folder, "a.jpg"))


def read_sheet(folder: Path) -> None:
    read_samples(folder / "samples.tsv")


READERS = {
    "sample sheet": Reader("samples.tsv", text(SHEET), read_sheet),
    "ledger": Reader(
        "batches.tsv", text(LEDGER), lambda folder: read_ledger(folder / "batches.tsv").batches
    ),
    "settings": Reader(
        "c.yaml",
        text(SETTINGS),
        lambda folder: checked_settings(read_settings(folder / "c.yaml")),
    ),
    "points txt": given(".txt", ROWS),
    "points csv": given(".csv", ROWS.replace(" ", ",")),
    "points json": given(".json", json.dumps([{"points": POINTS, "box": [0, 0, 9, 9]}])),
    "points pts": given(".pts", f"version: 1\nn_points: 68\n{{\n{ROWS}\n}}\n"),
    "points of 300w": Reader(
        "a.pts",
        text(f"version: 1\nn_points: 68\n{{\n{ROWS}\n}}\n"),
        lambda folder: read_pts(folder / "a.pts"),
    ),
    "points of training": Reader(
        "a.txt", text(ROWS), lambda folder: read_points_up(folder / "a.txt", 300)
    ),
    "landmark scheme": Reader(
        "a.json", text(json.dumps(SCHEME)), lambda folder: read_landmark_scheme(folder / "a.json")
    ),
    "landmarks of a scan": Reader(
        "a.landmarks.json",
        text(json.dumps({"units": "cm", "points": [[1.0, 2, 3]] * 7})),
        lambda folder: _scan_points(folder / "a.landmarks.json"),
    ),
    "picked points": Reader("a.pp", text(PP), lambda folder: read_picked_points(folder / "a.pp")),
    "vertices of a scan": Reader(
        "a.face.npy",
        lambda _: npy(np.arange(5)),
        lambda folder: _named_vertices(folder / "a.face.npy", 9),
    ),
    "rows npy": Reader(
        "a.npy", lambda _: npy(np.ones((7, 3))), lambda folder: read_rows(folder / "a.npy", 3)
    ),
    "rows txt": Reader(
        "a.txt", text("1 2 3\n4,5,6\n"), lambda folder: read_rows(folder / "a.txt", 3)
    ),
    "points obj": Reader("a.obj", text(OBJ), lambda folder: read_obj_points(folder / "a.obj")),
    "chart obj": Reader("a.obj", text(OBJ), lambda folder: read_obj(folder / "a.obj")),
    "mesh obj": mesh("a.obj", b"mtllib ../a.mtl\nusemtl x\n" + OBJ.encode()),
    "mesh ply": mesh("a.ply", ply()),
    "mesh ply, text": mesh(
        "a.ply", PLY.format(kind="ascii").encode() + b"0 0 0\n1 0 0\n1 1 0\n3 0 1 2\n"
    ),
    "mesh stl": mesh("a.stl", stl()),
    "mesh off": mesh("a.off", OFF.encode()),
    "mesh glb": mesh("a.glb", glb()),
    "camera of facescape's benchmark": Reader(
        "a.json",
        text(json.dumps([np.eye(3).tolist(), np.eye(4).tolist()])),
        lambda folder: _lab_camera(folder / "a.json"),
    ),
}
