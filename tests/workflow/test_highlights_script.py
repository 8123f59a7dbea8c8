"""The script that removes highlights, on files: of photos, of many views, with a lost capture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
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
    Highlights,
    Outcome,
    Rig,
    SkinMask,
    Surface,
)
from lib.facemodel import write_face_model
from lib.highlights import HighlightOptions, remove_highlights
from lib.uvspace.measured import Measured
from scripts import remove_highlights as script
from tests.highlights.conftest import Glossy, gloss, measured_of
from tests.texture.conftest import make_scene
from tests.workflow.test_surface_scripts import Inputs

OF_MANY_VIEWS = ("rig", "base", "surface")


@dataclass(frozen=True)
class Batch:
    """The files of a batch of one glossy head and one capture that failed, and the truth.

    Args:
        files: input -> its file.
        case: the head from three sides.
    """

    files: dict[str, str]
    case: Glossy
    measured: Measured


@pytest.fixture(scope="module")
def batch(tmp_path_factory) -> Batch:
    """`lost` failed at the fit, and so is lost to the surface."""
    folder = tmp_path_factory.mktemp("b0001")
    scene = make_scene(folder, (-25.0, 0.0, 25.0), (1.0,) * 3)
    case = gloss(scene)
    measured = measured_of(case)
    write_face_model(folder / "model.h5", case.model)
    given = {
        "capture": (Capture, case.capture),
        "faces": (Faces, scene.faces),
        "skin": (SkinMask, case.skin),
        "fit": (FaceFit, case.fit),
        "rig": (Rig, measured.rig),
        "base": (BaseMesh, measured.base),
        "surface": (Surface, measured.surface),
    }
    for name, (kind, artefact) in given.items():
        with BatchWriter(folder / f"{name}.h5", kind, name) as writer:
            writer.add("egg", artefact)
            if name in ("fit", *OF_MANY_VIEWS):
                writer.carry(Outcome("lost", "fit", "no_face", "Nobody is there."))
            else:
                writer.add("lost", artefact)
    return Batch({path.stem: str(path) for path in folder.glob("*.h5")}, case, measured)


def run(files: dict[str, str], folder: Path, **options) -> tuple[Highlights, dict]:
    """The highlights of the head, and the row of each capture."""
    params = SimpleNamespace(face_model="none", device="cpu")
    params.options = asdict(HighlightOptions(**options))
    outputs = SimpleNamespace(
        highlights=str(folder / "highlights.h5"), sheet=str(folder / "sheet.jpg")
    )
    script.main(Inputs(files), outputs, params)
    assert Path(outputs.sheet).stat().st_size > 1000
    with BatchReader(outputs.highlights, Highlights) as reader:
        return reader["egg"], {row.capture: row for row in reader.outcomes}


def wanted(batch: Batch, measured: Measured | None) -> Highlights:
    case = batch.case
    return remove_highlights(
        *(case.model, case.capture, case.fit, case.skin), HighlightOptions(), measured=measured
    )


@pytest.mark.parametrize("many", [False, True])
def test_a_lost_capture_is_carried_and_the_other_has_its_highlights_removed(batch, tmp_path, many):
    inputs = {
        name: [] if name in OF_MANY_VIEWS and not many else path
        for name, path in batch.files.items()
    }
    found, rows = run(inputs, tmp_path)
    assert list(rows) == ["egg", "lost"] and rows["egg"].outcome == "ok"
    assert (rows["lost"].stage, rows["lost"].outcome) == ("fit", "no_face")
    expected = wanted(batch, batch.measured if many else None)
    other = wanted(batch, None if many else batch.measured)
    for view in range(3):
        np.testing.assert_array_equal(found.diffuse[view], expected.diffuse[view])
        np.testing.assert_array_equal(found.probability[view], expected.probability[view])
        assert (found.diffuse[view] != other.diffuse[view]).any()


def test_the_settings_reach_the_method(batch, tmp_path):
    found, _ = run(batch.files, tmp_path, method="none", illuminant=[2.0, 1.0, 1.0])
    assert found.method == "none" and found.illuminant_source == ("setting",) * 3
    for view, image in enumerate(batch.case.capture.image):
        np.testing.assert_array_equal(found.diffuse[view], image)
