import csv
import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lib.artefacts import (
    BatchWriter,
    Capture,
    Faces,
    Landmarks,
    Outcome,
    SkinMask,
    digest,
)
from lib.errors import CaptureFailure
from lib.geometry.aligned_crop import standard_five
from lib.imaging import read_photo
from lib.skin import published_probability
from lib.training.datalist import read_datalist, read_training_photo
from lib.training.dataset import DatasetOptions, DatasetWriter, validation_subjects
from scripts import write_dataset as script

SIZE = (40, 60)  # of originals
WORKING = (20, 30)


def original(folder, name, seed=0, **options):
    """A photo file of random colours."""
    chance = np.random.default_rng(seed)
    pixels = chance.integers(0, 255, (*SIZE, 3), np.uint8)
    path = folder / name
    Image.fromarray(pixels).save(path, **options)
    return path


def capture(path, subject="anna", views=1):
    photo = read_photo(path)
    n = views
    return Capture(
        subject=subject,
        view=[f"{i:02d}" for i in range(n)],
        path=(str(path),) * n,
        sha256=(digest(path),) * n,
        image=[np.zeros((*WORKING, 3), np.uint8)] * n,
        original_size=np.array([photo.size] * n, np.int32),
        working_to_original=np.full((n, 2), 2.0),
        focal_px=np.full(n, 50.0),
        focal_source=("none",) * n,
        centre_px=np.full((n, 2), 10.0),
        distortion=np.zeros((n, 8)),
        world_to_camera=np.full((n, 3, 4), np.nan),
        length_unit="mm",
        mask=[np.zeros((0, 0))] * n,
    )


POINTS = np.random.default_rng(5).uniform(2, 18, (68, 2)).astype(np.float32)
FIVE = np.array([[5, 5], [15, 5], [10, 10], [6, 14], [14, 14]], np.float32)


def found(subject="anna", views=1, five=FIVE):
    n = views
    faces = Faces(
        photo="a",
        subject=subject,
        box_px=np.tile(np.array([1.0, 1, 19, 19]), (n, 1)),
        score=np.ones(n),
        points_px=np.tile(five, (n, 1, 1)),
        roll_rad=np.zeros(n),
    )
    landmarks = Landmarks(
        scheme="ibug68",
        points_px=np.tile(POINTS, (n, 1, 1)),
        sigma_px=np.ones((n, 68)),
        depth_px=np.full((n, 68), np.nan),
        ibug68_px=np.tile(POINTS, (n, 1, 1)),
        ibug68_sigma_px=np.ones((n, 68)),
        presence=np.ones(n),
    )
    ramp = np.tile(np.linspace(0, 255, WORKING[1]).astype(np.uint8), (WORKING[0], 1))
    return faces, landmarks, SkinMask(probability=[ramp] * n)


def write(folder, captures, **options):
    writer = DatasetWriter(folder / "data", DatasetOptions(**options))
    for name, item in captures.items():
        writer.add(name, item, *found(item.subject, len(item.image)))
    return writer, folder / "data"


def test_what_is_written_is_read_back(tmp_path):
    path = original(tmp_path, "anna.png")
    writer, root = write(tmp_path, {"one": capture(path)}, validation=0.0)
    assert writer.finish() == {"train": 1, "val": 0, "left_out": 0}
    (files,) = read_datalist(root / "datalist/train/masks.txt")
    photo = read_training_photo(files)
    np.testing.assert_array_equal(photo.image, np.asarray(Image.open(path)))
    np.testing.assert_allclose(photo.points_px, (POINTS + 0.5) * 2 - 0.5, atol=1e-4)
    expected = np.rint(255 * published_probability(photo.image)) / 255
    np.testing.assert_allclose(photo.mask, expected, atol=1e-6)


def test_files_are_those_of_the_published_layout(tmp_path):
    photo = capture(original(tmp_path, "Anna.JPEG"))
    writer, root = write(tmp_path, {"one": photo}, points="detector")
    writer.finish()
    folder = root / "datasets/photos"
    five = np.loadtxt(folder / "detections/one.txt")
    np.testing.assert_allclose(five, (FIVE + 0.5) * 2 - 0.5, atol=1e-4)  # y down
    up = np.loadtxt(folder / "landmarks/one.txt")
    np.testing.assert_allclose(up[:, 1], SIZE[0] - 1 - ((POINTS[:, 1] + 0.5) * 2 - 0.5), atol=1e-4)
    mask = np.asarray(Image.open(folder / "mask/one.jpg"))
    assert mask.shape == (*SIZE, 3) and (mask == mask[..., :1]).all()
    lists = {name: (root / f"datalist/train/{name}.txt").read_text() for name in
             ("images", "landmarks", "masks")}  # fmt: skip
    assert lists == {
        "images": "datasets/photos/one.jpg\n",
        "landmarks": "datasets/photos/landmarks/one.txt\n",
        "masks": "datasets/photos/mask/one.jpg\n",
    }


@pytest.mark.parametrize("images", ["link", "copy"])
def test_the_users_photo_is_linked_or_copied_and_stays_as_it_was(tmp_path, images):
    path = original(tmp_path, "anna.jpg")
    os.chmod(path, 0o444)
    before, state = path.read_bytes(), os.stat(path)
    for _ in range(2):  # writing again over what is there changes nothing either
        writer, root = write(tmp_path, {"one": capture(path)}, images=images)
        writer.finish()
    target = root / "datasets/photos/one.jpg"
    assert target.is_symlink() == (images == "link")
    assert target.read_bytes() == path.read_bytes() == before
    assert os.stat(path).st_mtime_ns == state.st_mtime_ns and path.exists()


def test_a_photo_that_other_programs_would_see_turned_or_not_at_all_is_made_anew(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    photos = {
        "turned": capture(original(tmp_path, "turned.jpg", exif=turned)),
        "webp": capture(original(tmp_path, "small.webp", lossless=True)),
    }
    bent = capture(original(tmp_path, "bent.png"))
    photos["bent"] = replace(bent, distortion=np.full((1, 8), [-0.2, *[0.0] * 7]))
    writer, root = write(tmp_path, photos, validation=0.0)
    writer.finish()
    for name, files in zip(photos, read_datalist(root / "datalist/train/masks.txt"), strict=True):
        assert files.image.name == f"{name}.png" and not files.image.is_symlink()
        read_training_photo(files)
    upright = np.asarray(Image.open(root / "datasets/photos/turned.png"))
    np.testing.assert_array_equal(upright, read_photo(tmp_path / "turned.jpg").pixels)
    assert upright.shape == (SIZE[1], SIZE[0], 3)
    straight = np.asarray(Image.open(root / "datasets/photos/bent.png"))
    assert (straight != np.asarray(Image.open(tmp_path / "bent.png"))).any()


def test_the_mask_may_be_that_of_the_run(tmp_path):
    writer, root = write(tmp_path, {"one": capture(original(tmp_path, "a.png"))}, mask="skin")
    writer.finish()
    mask = np.asarray(Image.open(root / "datasets/photos/mask/one.png"))[..., 0]
    assert mask.shape == SIZE
    np.testing.assert_allclose(mask[7, 1:-1], np.linspace(-2.2, 257.2, 60)[1:-1], atol=2)


def test_views_become_photos_of_their_own(tmp_path):
    many = capture(original(tmp_path, "a.png"), views=3)
    writer, root = write(tmp_path, {"one": many}, validation=0.0)
    writer.finish()
    names = [files.image.name for files in read_datalist(root / "datalist/train/masks.txt")]
    assert names == ["one_00.png", "one_01.png", "one_02.png"]


GOLDEN = {  # blue, green, red of a pixel -> its value in a published mask
    (120, 150, 200): 251,
    (60, 90, 140): 249,
    (200, 100, 50): 0,
    (255, 255, 255): 48,
    (0, 0, 0): 7,
    (90, 120, 170): 250,
}


def test_a_mask_holds_the_published_values_in_three_channels(tmp_path):
    colours = np.array(list(GOLDEN), np.uint8)[:, ::-1]
    pixels = np.repeat(np.repeat(colours[None], 40, 0), 10, 1)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    _, root = write(tmp_path, {"one": capture(tmp_path / "a.png")})
    mask = np.asarray(Image.open(root / "datasets/photos/mask/one.png"))
    expected = np.repeat(list(GOLDEN.values()), 10)
    np.testing.assert_array_equal(mask, np.broadcast_to(expected[None, :, None], (40, 60, 3)))


@pytest.mark.parametrize(("points", "known"), [("landmarks", 1.0), ("detector", np.nan)])
def test_five_points_come_from_the_68_by_default_and_where_there_are_no_others(
    tmp_path, points, known
):
    item = capture(original(tmp_path, "a.png"))
    writer = DatasetWriter(tmp_path, DatasetOptions(points=points))
    writer.add("one", item, *found(five=known * FIVE))
    five = np.loadtxt(tmp_path / "datasets/photos/detections/one.txt")
    np.testing.assert_allclose(five, standard_five((POINTS + 0.5) * 2 - 0.5), atol=1e-4)


def test_photos_that_cannot_be_used_are_told_with_their_reason(tmp_path):
    paths = [original(tmp_path, f"{i}.png", i) for i in range(3)]
    captures = {f"c{i}": capture(path) for i, path in enumerate(paths)}
    paths[1].unlink()
    writer, root = write(tmp_path, captures)
    faces, landmarks, skin = found()
    lost = replace(landmarks, ibug68_px=np.full((1, 68, 2), np.nan))
    writer.add("lost", captures["c0"], faces, lost, skin)
    writer.leave_out(Outcome("nobody", "detect", "no_face", "No face was found."))
    assert writer.finish()["left_out"] == 3
    with open(root / "left_out.tsv", encoding="utf-8", newline="") as table:
        rows = [(row["photo"], row["outcome"]) for row in csv.DictReader(table, delimiter="\t")]
    assert rows == [("c1", "original_missing"), ("lost", "no_landmarks"), ("nobody", "no_face")]
    assert all(path.exists() for path in (paths[0], paths[2]))
    assert not list(root.rglob("c1*"))


def test_subjects_are_never_split_between_training_and_validation(tmp_path):
    path = original(tmp_path, "a.png")
    photos = {f"p{i:02d}": capture(path, subject=f"s{i % 7}") for i in range(21)}
    writer, root = write(tmp_path, photos, validation=0.25)
    assert writer.finish() == {"train": 15, "val": 6, "left_out": 0}
    sides = {}
    for mode in ("train", "val"):
        for files in read_datalist(root / f"datalist/{mode}/masks.txt"):
            sides.setdefault(int(files.image.stem[1:]) % 7, set()).add(mode)
    assert len(sides) == 7 and all(len(modes) == 1 for modes in sides.values())


@pytest.mark.parametrize(
    ("count", "share", "kept"), [(10, 0.1, 1), (10, 0.11, 2), (1, 0.5, 0), (5, 0.0, 0), (3, 0.9, 2)]
)
def test_the_share_of_validation_is_of_subjects_rounded_up_and_never_all(count, share, kept):
    subjects = [f"s{i}" for i in range(count)] * 2
    assert len(validation_subjects(subjects, share, 0)) == kept
    assert validation_subjects(subjects, share, 0) == validation_subjects(subjects[::-1], share, 0)


def test_the_script_writes_all_batches_and_carries_failures(tmp_path):
    files = {"capture": [], "faces": [], "landmarks": [], "skin": []}
    kinds = {"capture": Capture, "faces": Faces, "landmarks": Landmarks, "skin": SkinMask}
    for batch in ("b0001", "b0002"):
        item = capture(original(tmp_path, f"{batch}.png"), subject=batch)
        made = dict(zip(kinds, (item, *found(batch)), strict=True))
        made["faces"] = replace(made["faces"], photo=f"a{batch}")
        for stage, kind in kinds.items():
            files[stage].append(tmp_path / batch / f"{stage}.h5")
            with BatchWriter(files[stage][-1], kind, stage) as writer:
                writer.add(f"a{batch}", made[stage])
                writer.fail(f"x{batch}", CaptureFailure("no_face", "No face."))
    params = SimpleNamespace(options={"validation": 0.5})
    script.main(SimpleNamespace(**files), SimpleNamespace(dataset=tmp_path / "out"), params)
    read = [read_datalist(tmp_path / f"out/datalist/{mode}/masks.txt") for mode in ("train", "val")]
    assert {one.image.stem for part in read for one in part} == {"ab0001", "ab0002"}
    assert (tmp_path / "out/left_out.tsv").read_text().count("no_face") == 2
