"""Shards hold what was drawn, whatever else is in them, and the line reads their photos."""

import csv
import os
from dataclasses import replace
from itertools import chain, count

import h5py
import numpy as np
import pytest
import torch

from lib.artefacts import BatchReader, Truth
from lib.captures.cameras import find_camera
from lib.imaging import read_photo
from lib.planning import read_samples
from lib.planning.truth import split_shard
from lib.synthesis import draw_capture, join_samples, shard_items, shards, write_photos, write_shard
from lib.synthesis.cameras.sensor import draw_sensor
from lib.synthesis.cameras.view import draw_photo_view
from lib.synthesis.chance import generator
from tests.synthesis.worlds import TINY, TINY_RIG, same

CPU = torch.device("cpu")


def write(studio, options, folder, shard=0):
    write_shard(studio, options, shard, folder / f"shard_{shard}.h5", folder / f"{shard}", CPU)
    return folder


def contents(group):
    """Path, or path and attribute -> bytes, of everything below a group."""
    found = {}

    def note(name, item):
        found[name] = np.asarray(item[()]).tobytes() if isinstance(item, h5py.Dataset) else b""
        found.update(
            {(name, key): np.asarray(value).tobytes() for key, value in item.attrs.items()}
        )

    group.visititems(note)
    return found


@pytest.fixture(scope="module")
def photos(studio, tmp_path_factory):
    """A folder with the two shards of a world of three photos."""
    folder = tmp_path_factory.mktemp("photos")
    return write(studio, TINY, write(studio, TINY, folder, 0), 1)


@pytest.fixture(scope="module")
def triple(studio, tmp_path_factory):
    """A folder with one capture of three views."""
    return write(studio, TINY_RIG, tmp_path_factory.mktemp("triple"))


def test_every_item_of_a_world_is_in_one_shard():
    for total, size in ((1, 64), (64, 64), (65, 64), (7, 3)):
        options = replace(TINY, count=total, shard_size=size)
        items = [list(shard_items(options, k)) for k in range(shards.shard_count(options))]
        assert list(chain.from_iterable(items)) == list(range(total))
        assert all(0 < len(part) <= size for part in items)


def test_a_shard_holds_what_was_drawn(studio, photos):
    with BatchReader(photos / "shard_0.h5", Truth) as reader:
        found = dict(reader.items())
    assert list(found) == ["photo_000000", "photo_000001"]
    assert same(found["photo_000001"], draw_capture(studio, TINY, 1).truth)


def test_an_item_has_the_same_bytes_in_a_shard_of_another_size(studio, photos, tmp_path):
    alone = write(studio, replace(TINY, shard_size=1), tmp_path, 1)
    with h5py.File(alone / "shard_1.h5") as one, h5py.File(photos / "shard_0.h5") as other:
        assert list(one) == ["photo_000001"]
        assert len(contents(one["photo_000001"])) > 100
        assert contents(one["photo_000001"]) == contents(other["photo_000001"])
    name = "photo_000001.jpg"
    assert (alone / "1" / name).read_bytes() == (photos / "0" / name).read_bytes()


def test_photos_on_disk_decode_to_the_truths_image(photos, triple):
    for folder, n_photos in ((photos, 2), (triple, 3)):
        samples = read_samples(folder / "0" / "samples.tsv")
        assert len(samples) == n_photos
        with BatchReader(folder / "shard_0.h5", Truth) as reader:
            images = [image for _, truth in reader.items() for image in truth.image]
        for sample, image in zip(samples, images, strict=True):
            np.testing.assert_array_equal(read_photo(sample.image).pixels, image)


@pytest.mark.slow
def test_a_photo_that_is_stored_turned_decodes_upright(studio, tmp_path):
    options = replace(TINY, width_px=48)
    size = (options.height_px, options.width_px)

    def orientation(index):
        view = draw_photo_view(size, generator(options.seed, index, "cameras"))
        return draw_sensor(generator(options.seed, index, "sensor"), view).orientation

    index = next(i for i in count() if orientation(i) in (6, 8))
    capture = draw_capture(studio, options, index)
    assert capture.photos[0].orientation == orientation(index)
    (row,) = write_photos(capture, tmp_path, "shard.h5")
    found = read_photo(tmp_path / row["image"]).pixels
    assert found.shape == (64, 48, 3)
    np.testing.assert_array_equal(found, capture.truth.image[0])


def test_the_sample_sheet_names_each_photos_truth(photos):
    samples = read_samples(photos / "1" / "samples.tsv")
    assert [(s.capture, s.subject) for s in samples] == [("photo_000002", "photo_0_000002")]
    file, name = split_shard(samples[0].truth)
    with BatchReader(file, Truth) as reader:
        assert reader[name].subject == samples[0].subject
    assert samples[0].camera == ""


def test_cameras_of_a_rig_are_read_as_the_truth_has_them(triple):
    samples = read_samples(triple / "0" / "samples.tsv")
    with BatchReader(triple / "shard_0.h5", Truth) as reader:
        truth = reader["triple_000000"]
    assert {s.capture for s in samples} == {"triple_000000"}
    assert len({s.view for s in samples}) == 3
    for view, sample in enumerate(samples):
        camera = find_camera(sample.camera, sample.image, truth.image[view].shape[:2])
        assert camera.focal_px.tolist() == [truth.focal_px[view]] * 2
        np.testing.assert_array_equal(camera.centre_px, truth.centre_px[view])
        np.testing.assert_array_equal(camera.world_to_camera, truth.world_to_camera[view])


def test_the_joined_sheet_leads_to_the_same_files_from_its_own_place(photos, triple, tmp_path):
    folders = [photos / "0", photos / "1", triple / "0"]
    sheet = tmp_path / "world" / "samples.tsv"
    sheet.parent.mkdir()
    join_samples(folders, sheet)
    joined = read_samples(sheet)
    apart = [sample for folder in folders for sample in read_samples(folder / "samples.tsv")]
    assert len(joined) == len(apart) == 6
    for one, other in zip(joined, apart):
        assert one[:2] == other[:2] and one.subject == other.subject
        assert os.path.samefile(one.image, other.image)
        assert os.path.samefile(split_shard(one.truth)[0], split_shard(other.truth)[0])
        assert one.camera == other.camera == "" or os.path.samefile(one.camera, other.camera)
    with open(sheet, newline="", encoding="utf-8") as file:
        assert not any(os.path.isabs(row["image"]) for row in csv.DictReader(file, delimiter="\t"))


@pytest.mark.slow
def test_a_shard_that_is_made_twice_has_the_same_bytes(studio, triple, tmp_path):
    again = write(studio, TINY_RIG, tmp_path)
    files = sorted(path.relative_to(triple) for path in triple.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert len(files) == 1 + 3 + 2  # the shard, photos, cameras and the sheet
    for file in files:
        assert (again / file).read_bytes() == (triple / file).read_bytes(), file


def test_a_job_that_ends_half_way_leaves_no_shard_and_no_sheet(
    studio, photo, tmp_path, monkeypatch
):
    def drawn(studio, options, index, device):
        if index == 1:
            raise KeyboardInterrupt
        return photo

    monkeypatch.setattr(shards, "draw_capture", drawn)
    with pytest.raises(KeyboardInterrupt):
        write(studio, TINY, tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{photo.name}.jpg"]
