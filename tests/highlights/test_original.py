"""Matte photos at their original size: the photo's own detail, and its own pixels elsewhere."""

import cv2
import numpy as np
import pytest

from lib.artefacts import Highlights, digest
from lib.errors import CaptureFailure
from lib.highlights import at_original_size
from lib.imaging import linear_to_srgb, save_png, srgb_to_linear

SIDE, TIMES = 120, 3


@pytest.fixture
def enlarged(plain, tmp_path):
    """A photo with fine stripes, a working image of a third, and a round highlight taken off."""
    rng = np.random.default_rng(1)
    row, column = np.mgrid[: TIMES * SIDE, : TIMES * SIDE]
    spot = np.exp(-((row - 180) ** 2 + (column - 180) ** 2) / 40**2)
    stripes = 8 * np.sign(np.sin(column * 2.1)) + rng.normal(0, 1, row.shape)
    matte = np.clip(np.stack([150 + stripes, 110 + stripes, 90 + stripes], 2), 0, 255)
    gloss = 0.2 * (spot * (spot > 0.02))[..., None]
    photo = 255 * linear_to_srgb(srgb_to_linear(matte / 255) + gloss)
    small = (SIDE, SIDE)
    image = np.rint(cv2.resize(photo, small, interpolation=cv2.INTER_AREA)).astype(np.uint8)
    diffuse = np.rint(cv2.resize(matte, small, interpolation=cv2.INTER_AREA)).astype(np.uint8)
    far = cv2.resize((spot < 0.02).astype(np.uint8), small, interpolation=cv2.INTER_NEAREST) > 0
    diffuse[far] = image[far]
    path = tmp_path / "photo.png"
    save_png(path, np.rint(photo).astype(np.uint8))
    capture = plain.capture.replace(
        image=(image,),
        path=(str(path),),
        sha256=(digest(path),),
        original_size=np.full((1, 2), TIMES * SIDE),
        working_to_original=np.full((1, 2), float(TIMES)),
    )
    probability = np.rint(255 * (np.abs(image.astype(int) - diffuse).max(axis=2) > 8))
    highlights = Highlights(
        method="made",
        probability=(probability,),
        diffuse=(diffuse,),
        illuminant=np.ones((1, 3)),
        illuminant_sigma=np.zeros(1),
        illuminant_source=("setting",),
    )
    return capture, highlights, np.rint(photo), matte, spot


def test_the_highlight_goes_and_the_photos_own_detail_stays(enlarged):
    capture, highlights, photo, matte, spot = enlarged
    found, mask = at_original_size(capture, highlights, 0)
    lit = spot > 0.3
    before = np.abs(photo - matte)[lit].mean()
    assert np.abs(found.astype(float) - matte)[lit].mean() < 0.15 * before
    assert found.shape == photo.shape and mask.shape == photo.shape[:2]
    assert (mask[spot > 0.6] > 200).all() and not mask[spot < 0.01].any()
    window = slice(170, 190), slice(150, 210), 1
    detail = [np.diff(picture[window].astype(float)).std() for picture in (found, matte)]
    assert detail[0] == pytest.approx(detail[1], rel=0.2)


def test_pixels_are_the_photos_where_nothing_was_taken_off(enlarged):
    capture, highlights, photo, _, spot = enlarged
    found, _ = at_original_size(capture, highlights, 0)
    far = cv2.erode((spot < 0.02).astype(np.uint8), np.ones((25, 25))) > 0
    assert far.sum() > 1000
    np.testing.assert_array_equal(found[far], photo[far])


def test_an_original_that_was_changed_is_refused(enlarged):
    capture, highlights, *_ = enlarged
    with pytest.raises(CaptureFailure, match="original_missing"):
        at_original_size(capture.replace(sha256=("0" * 64,)), highlights, 0)
