"""Scores of highlights against pictures whose mirrored light is known."""

import numpy as np
import pytest

from lib.artefacts import Highlights
from lib.evaluation.highlights import FACE, highlight_rows, matte_truth
from lib.imaging.colour import linear_to_srgb8
from tests.evaluation.captures import result, truth


@pytest.fixture(scope="module")
def glossy():
    """A capture whose camera brightens shadows, its truth, and its photo without highlights."""
    plain = truth()
    face = np.isin(plain.part[0], FACE)
    row, column = np.nonzero(face)
    middle = row.mean(), column.mean()
    y, x = np.mgrid[: face.shape[0], : face.shape[1]]
    spread = 0.12 * np.ptp(row)
    lobe = 0.3 * np.exp(-((y - middle[0]) ** 2 + (x - middle[1]) ** 2) / spread**2)
    specular = np.repeat((lobe * face)[..., None], 3, axis=2)
    shade = 0.35 + 0.5 * x / face.shape[1]
    diffuse = np.where(face[..., None], shade[..., None] * np.array([0.5, 0.35, 0.25]), 0.05)

    def photo(light):
        return linear_to_srgb8(light.astype(np.float32) ** 0.9)

    true = plain.replace(
        image=(photo(diffuse + specular),),
        diffuse=(diffuse,),
        specular=(specular,),
        highlight=(specular[..., 0] > 0.04,),
    )
    capture = result(plain).capture.replace(image=true.image)
    return capture, true, photo(diffuse)


def test_the_truth_is_the_photo_that_the_same_camera_takes_of_matte_skin(glossy):
    capture, true, matte = glossy
    found = matte_truth(capture, true, 0)
    away = np.abs(255 * found.diffuse - matte)[found.face]
    assert away.mean() < 1 and np.quantile(away, 0.95) < 4


def test_the_matte_photo_scores_better_than_the_photo_itself(glossy):
    capture, true, matte = glossy
    lit = np.asarray(true.highlight[0])
    found = Highlights(
        method="made",
        probability=(255 * lit,),
        diffuse=(matte,),
        illuminant=np.ones((1, 3)),
        illuminant_sigma=np.zeros(1),
        illuminant_source=("setting",),
    )
    rows = {(row.who, row.measure): row.value for row in highlight_rows(capture, found, true)}
    assert rows["fit", "removal.psnr"] > rows["untouched", "removal.psnr"] + 10
    assert rows["fit", "removal.highlight_psnr"] > rows["untouched", "removal.highlight_psnr"] + 10
    assert rows["fit", "mask.ber"] == 0 and rows["untouched", "mask.ber"] == 50
