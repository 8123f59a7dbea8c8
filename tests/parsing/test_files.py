"""Masks of parts that a user gives, and what they mean."""

import numpy as np
import pytest
from PIL import Image

from lib.errors import CaptureFailure, ConfigError
from lib.facemodel import PARTS
from lib.parsing import ParsingOptions
from lib.parsing.files import read_parts, resized
from lib.parsing.labels import SCHEMES, label_of, of_scheme, sided, without_noise

EYE, NOSE, SKIN = label_of("right_eye"), label_of("nose"), label_of("skin")


@pytest.fixture
def label():
    result = np.zeros((40, 60), np.uint8)
    result[5:35, 10:50] = SKIN
    result[10:14, 15:22] = EYE
    result[15:25, 28:33] = NOSE
    return result


def options(folder, labels="parts"):
    return ParsingOptions(method="files", masks=str(folder), labels=labels)


def test_a_grey_picture_holds_labels(tmp_path, label):
    Image.fromarray(label).save(tmp_path / "anna.png")
    given = read_parts("photos/anna.jpg", options(tmp_path))
    np.testing.assert_array_equal(given.label, label)
    assert given.known.all()


def test_an_indexed_picture_holds_labels_whatever_its_colours(tmp_path, label):
    picture = Image.fromarray(label).convert("P")
    picture.putdata(label.reshape(-1).tolist())
    picture.putpalette([9, 200, 30] * 256)
    picture.save(tmp_path / "anna.png")
    np.testing.assert_array_equal(read_parts("anna.jpg", options(tmp_path)).label, label)


@pytest.mark.parametrize("scheme", ["celebamask_hq", "bisenet"])
def test_labels_of_celebamask_become_ours(tmp_path, label, scheme):
    theirs = np.zeros_like(label)
    theirs[5:35, 10:50] = SCHEMES[scheme].index("skin")
    theirs[15:25, 28:33] = SCHEMES[scheme].index("nose")
    theirs[0:4] = SCHEMES[scheme].index("hair")
    theirs[36:] = SCHEMES[scheme].index("neck")
    theirs[5:35, 8:10] = SCHEMES[scheme].index("l_ear")
    Image.fromarray(theirs).save(tmp_path / "anna.png")
    given = read_parts("anna.jpg", options(tmp_path, scheme))
    np.testing.assert_array_equal(given.label, np.where(label == EYE, SKIN, label))
    assert set(np.unique(of_scheme(np.arange(19, dtype=np.uint8), scheme))) == set(range(9))


@pytest.mark.parametrize("names", [("skin", "nose"), ("00012_skin", "00012_nose")])
def test_a_folder_knows_the_parts_that_it_has(tmp_path, label, names):
    place = tmp_path / "00012"
    place.mkdir()
    for name, values in zip(names, (label > 0, label == NOSE)):
        Image.fromarray((255 * values).astype(np.uint8)).save(place / f"{name}.png")
    given = read_parts("00012.jpg", options(tmp_path))
    np.testing.assert_array_equal(given.label, np.where(label == EYE, SKIN, label))
    assert [PARTS[k] for k in np.flatnonzero(given.known)] == ["nose", "skin"]


def test_a_photo_without_masks_has_none(tmp_path):
    assert read_parts("anna.jpg", options(tmp_path)) is None


def test_masks_that_mean_nothing_are_refused(tmp_path, label):
    Image.fromarray(label * 9).save(tmp_path / "anna.png")
    with pytest.raises(CaptureFailure, match="has the label 72, expected 0 to 8"):
        read_parts("anna.jpg", options(tmp_path))
    Image.fromarray(np.stack([label] * 3, 2)).save(tmp_path / "rgb.png")
    with pytest.raises(CaptureFailure, match="has colours"):
        read_parts("rgb.jpg", options(tmp_path))
    (tmp_path / "beth").mkdir()
    with pytest.raises(CaptureFailure, match="no picture named by a part"):
        read_parts("beth.jpg", options(tmp_path))
    (tmp_path / "carl.png").write_bytes(b"no picture")
    with pytest.raises(CaptureFailure, match=r"carl\.png cannot be read"):
        read_parts("carl.jpg", options(tmp_path))


def test_masks_of_other_sizes_are_scaled_and_of_other_aspects_refused(label):
    twice = resized(label, (80, 120), "anna.jpg")
    np.testing.assert_array_equal(twice[::2, ::2], label)
    with pytest.raises(CaptureFailure, match="60 x 40 px"):
        resized(label, (80, 80), "anna.jpg")


def test_eyes_and_brows_take_the_side_of_their_landmarks(label):
    marks = np.full((68, 2), np.nan)
    marks[36:42], marks[42:48] = (18, 12), (42, 12)
    mixed = label.copy()
    mixed[10:14, 15:22] = label_of("left_eye")  # by another meaning of left
    mixed[10:14, 38:45] = label_of("left_eye")
    mixed[7:9, 38:45] = label_of("right_eyebrow")
    found = sided(mixed, marks)
    assert (found[10:14, 15:22] == EYE).all()
    assert (found[10:14, 38:45] == label_of("left_eye")).all()
    assert (found[7:9, 38:45] == label_of("left_eyebrow")).all()
    np.testing.assert_array_equal(found == NOSE, mixed == NOSE)
    marks[42:48] = np.nan
    np.testing.assert_array_equal(sided(mixed, marks), mixed)


def test_small_pieces_are_noise_and_large_ones_are_not(label):
    noisy = label.copy()
    noisy[30, 45] = EYE
    noisy[28:32, 20:24] = EYE
    found = without_noise(noisy)
    assert found[30, 45] == 0 and (found[28:32, 20:24] == EYE).all()
    np.testing.assert_array_equal(found[label == NOSE], NOSE)


def test_methods_without_their_files_are_refused_by_name():
    with pytest.raises(ConfigError, match=r"parsing\.masks is not set"):
        ParsingOptions(method="files")
    with pytest.raises(ConfigError, match=r"parsing\.weights is not set"):
        ParsingOptions(method="published")


def test_the_two_orders_of_celebamask_are_those_of_its_files_and_of_bisenet():
    own, network = SCHEMES["celebamask_hq"], SCHEMES["bisenet"]
    assert sorted(own) == sorted(network) and len(own) == 19
    assert [own.index(n) for n in ("nose", "l_eye", "u_lip", "cloth")] == [2, 4, 11, 18]
    assert [network.index(n) for n in ("nose", "l_eye", "u_lip", "cloth")] == [10, 4, 12, 16]
