"""TFRecords from a run's own photos, and records of others, with the people they show."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from lib.artefacts import (
    BatchWriter,
    Capture,
    FaceFit,
    Faces,
    Landmarks,
    Parsing,
    SkinMask,
    Truth,
)
from lib.errors import CaptureFailure, ConfigError
from lib.facemodel import PARTS, load_face_model
from lib.facemodel.points86 import points86
from lib.geometry import project
from lib.training.detail_layer.dataset import CLASS_OF_PART, example_of_view, find_people
from lib.training.detail_layer.shards import with_records
from lib.training.detail_layer.tfrecord import RecordWriter, find_records, read_detail_example
from scripts import write_detail_dataset as script
from tests.coded import faces_of, landmarks_of
from tests.evaluation.captures import truth
from tests.posed_head import FOCAL, SIZE, make_case

STAGES = {"capture": Capture, "faces": Faces, "landmarks": Landmarks, "skin": SkinMask}


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def case(model):
    """A head before a photo whose red and green tell each pixel's place; skin on its left half."""
    made = make_case(model, yaw_deg=10.0)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    image = np.stack([columns * 255 // SIZE[1], rows * 255 // SIZE[0], 0 * rows], -1)
    capture = made.capture.replace(image=[image.astype(np.uint8)])
    skin = np.where(columns < SIZE[1] // 2, 255, 0).astype(np.uint8)
    label = np.full(SIZE, 1 + PARTS.index("skin"), np.uint8)
    label[:100] = 1 + PARTS.index("left_eyebrow")
    return SimpleNamespace(
        capture=capture,
        faces=faces_of(np.zeros((1, 5, 2))),
        landmarks=landmarks_of(made.fit.landmarks_px),
        skin=SkinMask(probability=(skin,)),
        fit=made.fit,
        label=label,
    )


def example(model, case, **changes):
    parts = vars(case) | changes
    found = (parts[name] for name in ("capture", "landmarks", "skin", "fit", "label"))
    return example_of_view(model, *found, 0)


def test_points_lie_in_the_crop_where_they_lie_in_the_photo(model, case):
    made = example(model, case)
    camera = (case.fit.world_to_camera[0], FOCAL, case.fit.centre_px[0])
    wanted = project(points86(model).on(model.mean, model.triangles).astype(float), *camera)
    for found, there in ((made.points86_px, wanted), (made.points68_px, case.fit.landmarks_px[0])):
        x, y = np.floor(found).astype(int).T
        inside = (np.minimum(x, y) >= 1) & (np.maximum(x, y) < 299)
        colour = made.image[y[inside], x[inside], :2].astype(float)
        told = colour / 255 * np.array(SIZE[::-1])
        assert inside.sum() > 60
        np.testing.assert_allclose(told, there[inside], atol=2.0)  # a step of 8 bits is 1.2 px


def test_the_crop_has_the_published_proportions(model, case):
    """Half the side is the larger of 0.8 widths and 0.6 heights of the 86 points."""
    low, high = (getattr(example(model, case).points86_px, name)(0) for name in ("min", "max"))
    wide, tall = high - low
    assert max(0.8 * wide, 0.6 * tall) == pytest.approx(150, abs=2)
    assert (low[0] + high[0]) / 2 == pytest.approx(150, abs=2)
    assert low[1] + 0.4 * tall == pytest.approx(150, abs=2)


def test_classes_are_those_of_celebamask_and_skin_is_bare(model, case):
    made = example(model, case)
    assert set(np.unique(made.labels)) == {0, 1, 6}
    assert set(CLASS_OF_PART) == set(PARTS) and CLASS_OF_PART["left_eyebrow"] == 6
    columns = made.image[..., 0].astype(float) / 255 * SIZE[1]
    assert columns[made.labels == 1].max() < SIZE[1] / 2 + 3
    assert columns[made.labels == 6].max() > 0.7 * SIZE[1]  # hair may not hide a brow


def test_views_without_a_fit_or_points_are_told(model, case):
    nowhere = case.fit.replace(world_to_camera=np.full((1, 3, 4), np.nan))
    with pytest.raises(CaptureFailure, match="was not fitted") as told:
        example(model, case, fit=nowhere)
    assert told.value.outcome == "fit_failed"
    blind = case.landmarks.replace(ibug68_px=np.full((1, 68, 2), np.nan))
    with pytest.raises(CaptureFailure, match="68 points are not all known"):
        example(model, case, landmarks=blind)


@pytest.fixture
def run(case, tmp_path):
    """A batch of two captures, of which one failed at its fit."""
    batch = tmp_path / "out" / "b0001"
    parts = {name: (kind, getattr(case, name)) for name, kind in STAGES.items()}
    parts["parsing"] = (
        Parsing,
        Parsing(method="files", label=(case.label,), known=np.ones((1, 8), np.uint8)),
    )
    for name, (kind, artefact) in parts.items():
        with BatchWriter(batch / f"{name}.h5", kind, name) as writer:
            for capture in ("anna", "bert"):
                writer.add(capture, _of(artefact, capture))
    with BatchWriter(batch / "fit.h5", FaceFit, "fit") as writer:
        writer.add("anna", case.fit)
        writer.fail("bert", CaptureFailure("fit_failed", "misses the landmarks"))
    return batch


def _of(artefact, capture):
    return artefact.replace(photo=capture) if isinstance(artefact, Faces) else artefact


def test_a_run_gives_records_people_and_what_was_left_out(run, model, case):
    folder = run.parent / "detail_dataset"
    names = ("capture", "faces", "landmarks", "skin", "fit")
    inputs = Files({name: [str(run / f"{name}.h5")] for name in names})
    inputs["labels"] = [str(run / "parsing.h5")]
    outputs, params = SimpleNamespace(dataset=str(folder)), SimpleNamespace(face_model="makehuman")
    script.main(inputs, outputs, params)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    (person,) = find_people([str(run.parent)])
    assert (person.subject, person.name) == ("anna", "out.b0001.anna")
    found, wanted = read_detail_example(person.place), example(model, case)
    np.testing.assert_allclose(found.points86_px, wanted.points86_px, atol=1e-3)
    assert np.array_equal(found.labels, wanted.labels)
    with open(folder / "left_out.tsv", newline="") as table:
        (row,) = csv.DictReader(table, delimiter="\t")
    assert (row["capture"], row["outcome"]) == ("bert", "fit_failed")
    script.main(inputs, outputs, params)
    assert first == {path.name: path.read_bytes() for path in folder.iterdir()}


class Files(dict):
    """Inputs of a rule, by name or as attributes."""

    __getattr__ = dict.get


def test_records_without_a_table_are_subjects_of_their_own(tmp_path):
    with RecordWriter(tmp_path / "a.tfrecords") as writer:
        writer.write(b"one")
        writer.write(b"two")
    people = find_people([str(tmp_path)])
    assert [person.subject for person in people] == ["a.000000", "a.000001"]
    assert len({person.name for person in people}) == 2
    assert find_people([str(tmp_path / "a.tfrecords")]) == people
    assert [person.place for person in people] == list(find_records(tmp_path / "a.tfrecords"))


def test_data_that_are_none_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"detail_training\.data is empty and there are no"):
        find_people([])
    with pytest.raises(ConfigError, match=r"expected a file of TFRecords .* write_detail_dataset"):
        find_people([str(tmp_path)])


def test_shards_of_truth_become_records_with_exact_points(model, tmp_path):
    true = truth(views=2)
    places = model.landmarks["ldm106"].on(true.vertices_mm, model.triangles).astype(float)
    pixels = project(places, true.world_to_camera, true.focal_px, true.centre_px)
    true = true.replace(landmarks106_px=pixels)
    with BatchWriter(tmp_path / "shard_0000.h5", Truth, "synthesise") as writer:
        writer.add("c0", true)
    data = [str(tmp_path / "shard_0000.h5"), "elsewhere"]
    folder, other = with_records(data, tmp_path / "records")
    assert other == "elsewhere"
    people = find_people([folder])
    assert [person.name.split(".", 2)[2] for person in people] == ["c0.00", "c0.01"]
    assert {person.subject for person in people} == {true.subject}
    found = read_detail_example(people[1].place)
    size = found.points86_px[8, 1] - found.points86_px[51, 1]  # chin to the root of the nose
    assert 100 < size < 250
    chin, mark = found.points68_px[8], found.points86_px[8]
    np.testing.assert_allclose(chin, mark, atol=6)  # one of the contour, one of the mesh
    np.testing.assert_allclose(found.points68_px[30], found.points86_px[54], atol=6)  # the nose
    x, y = np.floor(found.points86_px[54]).astype(int)
    assert found.labels[y, x] == 2 and {1, 2, 4, 5, 11, 12} <= set(np.unique(found.labels))
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "records").rglob("*.tf*")}
    assert with_records(data, tmp_path / "records") == [folder, other]
    assert written == {p: p.stat().st_mtime_ns for p in (tmp_path / "records").rglob("*.tf*")}
