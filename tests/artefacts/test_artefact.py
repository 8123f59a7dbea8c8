"""An artefact in memory, on disk and in the docs is one declaration."""

import numpy as np
import pytest

from lib.artefacts import (
    ARTEFACTS,
    PART_LABELS,
    BatchReader,
    BatchWriter,
    Capture,
    FaceFit,
    Faces,
    digest,
)
from lib.errors import ArtefactError, ShapeError
from lib.facemodel import PARTS
from lib.facemodel.part_labels import HEAD, MOUTH
from tests.artefacts.samples import random_artefact

KINDS = pytest.mark.parametrize("kind", ARTEFACTS.values(), ids=ARTEFACTS)


def written(path, kind, *artefacts):
    with BatchWriter(path, kind, "stage") as writer:
        for index, artefact in enumerate(artefacts):
            writer.add(f"c{index}", artefact)
    return path


@KINDS
def test_every_field_comes_back_bit_by_bit(tmp_path, kind):
    before = random_artefact(kind)
    with BatchReader(written(tmp_path / "a.h5", kind, before), kind) as reader:
        after = reader["c0"]
    for name, spec in kind.specs().items():
        one, two = getattr(before, name), getattr(after, name)
        if spec.kind == "text":
            assert one == two
            continue
        for a, b in zip(*((one, two) if spec.kind == "ragged" else ([one], [two])), strict=True):
            assert a.dtype == b.dtype == spec.dtype
            assert a.shape == b.shape
            assert a.tobytes() == b.tobytes()


@KINDS
def test_writing_twice_gives_the_same_bytes(tmp_path, kind):
    first, second = (
        written(tmp_path / name, kind, random_artefact(kind, 1), random_artefact(kind, 2))
        for name in ("first.h5", "second.h5")
    )
    assert digest(first) == digest(second)
    other = written(tmp_path / "other.h5", kind, random_artefact(kind, 1), random_artefact(kind, 3))
    assert digest(other) != digest(first)


@KINDS
def test_every_field_says_what_it_is(kind):
    assert kind.version >= 1
    for name, spec in kind.specs().items():
        assert spec.doc, name
        assert (spec.kind == "text") == (not spec.unit), f"{name} has no unit"


def test_a_wrong_shape_is_refused_by_name():
    good = random_artefact(Faces)
    with pytest.raises(ShapeError, match=r"Faces\.score has shape \(2,\), expected \(n_views\)"):
        good.replace(score=np.zeros(2))
    with pytest.raises(
        ShapeError, match=r"Faces\.box_px has shape \(3, 5\), expected \(n_views 4\)"
    ):
        good.replace(box_px=np.zeros((3, 5)))
    with pytest.raises(ShapeError, match=r"Faces\.box_px has shape \(4,\)"):
        good.replace(box_px=np.zeros(4))
    capture = random_artefact(Capture)
    with pytest.raises(ShapeError, match=r"Capture\.image has shape \(2, 5, 6, 3\).*n_views"):
        capture.replace(image=[np.zeros((5, 6, 3))] * 2)
    with pytest.raises(ShapeError, match=r"Capture\.sha256 has shape \(1,\)"):
        capture.replace(sha256=("only one",))


def test_arrays_belong_to_the_artefact_and_stay_as_they_are():
    mine = np.zeros(3)
    fit = random_artefact(Faces).replace(score=mine)
    mine[0] = 1
    assert fit.score[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        fit.score[0] = 1


def test_a_missing_field_is_named(tmp_path):
    import h5py

    path = written(tmp_path / "fit.h5", FaceFit, random_artefact(FaceFit))
    with h5py.File(path, "a") as file:
        del file["c0/light"]
    with (
        BatchReader(path, FaceFit) as reader,
        pytest.raises(ArtefactError, match=r"/c0 has no field 'light' of FaceFit"),
    ):
        reader["c0"]


def test_labels_of_a_synthetic_truth_are_the_parts_of_a_face_model_in_order():
    assert PART_LABELS[1:9] == PARTS
    assert (PART_LABELS[HEAD], PART_LABELS[MOUTH]) == ("head", "mouth")
