"""A damaged file is an error with words how to rebuild it, and never another number."""

import random

import h5py
import numpy as np
import pytest

from lib.artefacts import BatchReader, BatchWriter, Faces, Landmarks
from lib.errors import ArtefactError, CaptureFailure
from tests.artefacts.samples import random_artefact

FLIPS = 400


def content(path, kind):
    """Outcomes, and the bytes of every field of every capture."""
    told = []
    with BatchReader(path, kind) as reader:
        told.append(reader.outcomes)
        for capture in reader.captures:
            for name, spec in kind.specs().items():
                value = reader.field(capture, name)
                told.append(value if spec.kind == "text" else (value.shape, value.tobytes()))
    return told


@pytest.mark.parametrize("kind", [Faces, Landmarks])
def test_a_flipped_bit_is_an_error_or_changes_nothing(tmp_path, kind):
    path = tmp_path / "whole.h5"
    with BatchWriter(path, kind, "stage") as writer:
        writer.add("b", random_artefact(kind, 1))
        writer.fail("x", CaptureFailure("no_face", "There is none."))
        writer.add("a", random_artefact(kind, 2))
    whole, truth = path.read_bytes(), content(path, kind)
    draw, noticed = random.Random(0), 0
    flipped = tmp_path / "flipped.h5"
    for place in draw.sample(range(len(whole)), FLIPS):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << draw.randrange(8)
        flipped.write_bytes(damaged)
        try:
            assert content(flipped, kind) == truth, f"byte {place} of {len(whole)}"
        except ArtefactError as error:
            assert "--forcerun" in str(error)
            noticed += 1
    assert noticed > 0.9 * FLIPS  # the others are bytes that hold nothing


def test_a_file_with_strings_of_any_length_and_plain_arrays_is_read(tmp_path):
    """Such are those that were written before every byte had a checksum."""
    faces = random_artefact(Faces)
    with h5py.File(tmp_path / "faces.h5", "w") as file:
        file.attrs.update({"artefact": "Faces", "version": Faces.version, "stage": "detect"})
        group = file.create_group("anna")
        group.attrs.update({"index": 0, "stage": "detect", "outcome": "ok", "reason": ""})
        for name, spec in Faces.specs().items():
            value = getattr(faces, name)
            if spec.kind == "text":
                data = np.array(value, dtype=object) if spec.dims else value
                group.create_dataset(name, data=data, dtype=h5py.string_dtype())
            else:
                group.create_dataset(name, data=value)
    with BatchReader(tmp_path / "faces.h5", Faces) as reader:
        found = reader["anna"]
        assert reader.captures == ("anna",)
    assert (found.photo, found.subject, found.view_reason) == (
        faces.photo,
        faces.subject,
        faces.view_reason,
    )
    np.testing.assert_array_equal(found.points_px, faces.points_px)
