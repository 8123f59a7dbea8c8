"""The three scripts between rig and surface, on files, with a capture that fails."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from lib.artefacts import (
    BaseMesh,
    BatchReader,
    BatchWriter,
    Capture,
    FaceFit,
    Faces,
    Rig,
    SkinMask,
    Surface,
    Volume,
    digest,
)
from lib.base import BaseOptions
from lib.errors import CaptureFailure
from lib.facemodel import write_face_model
from lib.imaging import save_png
from lib.implicit import ImplicitOptions
from lib.regularisation import RegulariseOptions
from lib.shading import ShadingOptions
from scripts import fit_base_mesh, match_views, regularise_surface
from tests.studio import YAWS, camera, rig_of, studio

NAMES = ("egg", "alone", "broken", "lost")


class Inputs(dict):
    """Named inputs of a job, as Snakemake hands them over."""

    __getattr__ = dict.__getitem__


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Files of a capture of five views, one without cameras, one that crashes, one that failed."""
    folder, room = tmp_path_factory.mktemp("b0001"), studio()
    write_face_model(folder / "model.h5", room.model)
    given = {
        "capture": (Capture, room.capture, room.capture, room.capture),
        "faces": (Faces, *(_faces(5),) * 3),
        "skin": (SkinMask, *(_skin(room.capture),) * 3),
        "rig": (Rig, room.rig, rig_of([camera(yaw) for yaw in YAWS], False), room.rig),
        "fit": (
            FaceFit,
            room.fit,
            room.fit,
            room.fit.replace(vertices=np.full_like(room.fit.vertices, np.nan)),
        ),
    }
    for name, (kind, *artefacts) in given.items():
        with BatchWriter(folder / f"{name}.h5", kind, name) as writer:
            for capture, artefact in zip(NAMES, artefacts, strict=False):
                writer.add(capture, artefact)
            if name == "fit":
                writer.fail("lost", CaptureFailure("no_face", "Nobody is there."))
            else:
                writer.add("lost", artefacts[0])
    stages = (
        (fit_base_mesh, "base", BaseOptions()),
        (match_views, "volume", ImplicitOptions(uv_size=64, d_size=5)),
        (regularise_surface, "surface", RegulariseOptions(uv_size=128, refine_iterations=1)),
    )
    files = {path.stem: str(path) for path in folder.glob("*.h5")} | {"regression": []}
    for script, name, options in stages:
        files[name] = str(folder / f"{name}.h5")
        params = SimpleNamespace(face_model="none", device="cpu", options=asdict(options))
        params.shading = asdict(ShadingOptions(method="none"))
        outputs = SimpleNamespace(**{name: files[name]}, sheet=str(folder / f"{name}.jpg"))
        script.main(Inputs(files), outputs, params)
    return files


@pytest.mark.parametrize(
    "name, kind", [("base", BaseMesh), ("volume", Volume), ("surface", Surface)]
)
def test_a_capture_that_fails_becomes_a_row_and_the_others_go_on(made, name, kind):
    with BatchReader(made[name], kind) as reader:
        rows = {row.capture: row for row in reader.outcomes}
    assert list(rows) == list(NAMES)
    assert rows["egg"].outcome == rows["alone"].outcome == "ok"
    assert (rows["lost"].stage, rows["lost"].outcome) == ("fit", "no_face")
    assert rows["broken"].stage == "base" and rows["broken"].failed


def test_measured_and_unmeasured_captures_stand_side_by_side(made):
    with (
        BatchReader(made["base"], BaseMesh) as bases,
        BatchReader(made["surface"], Surface) as all_,
    ):
        assert (bases["egg"].source, bases["alone"].source) == ("views", "fit")
        egg, alone = all_["egg"], all_["alone"]
    assert (egg.method, alone.method) == ("variational", "none")
    assert egg.confidence.max() > 0.05 and not alone.confidence.any()
    assert egg.distance_mm.shape == alone.distance_mm.shape == (128, 128)


def test_photos_beside_captures_of_many_views_get_their_relief_from_shading(made, tmp_path):
    """`alone` has no cameras: its frontal view counts as a photo, whose original is opened."""
    files = made | {"capture": str(tmp_path / "capture.h5")}
    with (
        BatchReader(made["capture"], Capture) as captures,
        BatchWriter(files["capture"], Capture, "import") as writer,
    ):
        for name in NAMES:
            capture = captures[name]
            paths = [tmp_path / f"{view}.png" for view in capture.view]
            for path, image in zip(paths, capture.image, strict=True):
                save_png(path, image)
            told = [str(path) for path in paths], [digest(path) for path in paths]
            writer.add(name, capture.replace(path=told[0], sha256=told[1]))
    params = SimpleNamespace(face_model="none", device="cpu")
    params.options = asdict(RegulariseOptions(uv_size=128, refine_iterations=1))
    params.shading = asdict(ShadingOptions(uv_size=128))
    surface = str(tmp_path / "surface.h5")
    outputs = SimpleNamespace(surface=surface, sheet=str(tmp_path / "sheet.jpg"))
    regularise_surface.main(Inputs(files), outputs, params)
    with BatchReader(surface, Surface) as surfaces:
        assert surfaces["egg"].method == "variational"
        alone = surfaces["alone"]
    assert alone.method == "shading:optimise" and alone.from_shading
    np.testing.assert_array_equal(alone.head_to_world, np.eye(3, 4))


def _skin(capture: Capture) -> SkinMask:
    return SkinMask(tuple(np.full(image.shape[:2], 255) for image in capture.image))


def _faces(n: int) -> Faces:
    return Faces(
        photo="egg",
        subject="egg",
        box_px=np.zeros((n, 4)),
        score=np.ones(n),
        points_px=np.zeros((n, 5, 2)),
        roll_rad=np.zeros(n),
    )
