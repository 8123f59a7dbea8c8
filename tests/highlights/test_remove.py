"""Highlights of known heads: what is taken off, and what is left alone."""

from dataclasses import replace

import numpy as np
import pytest

from lib.artefacts import Highlights
from lib.errors import ConfigError
from lib.highlights import HighlightOptions, remove_highlights
from lib.imaging import srgb_to_linear
from lib.imaging.colour import linear_to_srgb8


def removed(case, **options):
    return remove_highlights(
        case.model, case.capture, case.fit, case.skin, HighlightOptions(**options)
    )


def rms(picture, truth, mask):
    return float(np.sqrt(np.mean((picture - truth)[mask] ** 2)))


def test_a_highlight_is_taken_off_skin(glossy):
    found = srgb_to_linear(removed(glossy).diffuse[0])
    before = srgb_to_linear(glossy.capture.image[0])
    lit = glossy.specular > 0.05
    assert lit.sum() > 500
    assert rms(found, glossy.diffuse, lit) < 0.4 * rms(before, glossy.diffuse, lit)


def test_the_mask_tells_where_the_highlight_is(glossy):
    probability = removed(glossy).probability[0]
    assert (probability[glossy.specular > 0.08] > 127).mean() > 0.9
    assert (probability[glossy.specular < 0.01] > 127).mean() < 0.02


def test_a_photo_without_colours_keeps_its_highlights(glossy):
    grey = np.repeat(glossy.capture.image[0][..., 1:2], 3, axis=2)
    case = replace(glossy, capture=glossy.capture.replace(image=(grey,)))
    found = removed(case)
    np.testing.assert_array_equal(found.diffuse[0], grey)
    assert not found.probability[0].any()


def test_skin_without_highlights_stays_as_it_is(glossy):
    image = linear_to_srgb8(glossy.diffuse)
    found = removed(replace(glossy, capture=glossy.capture.replace(image=(image,))))
    away = np.abs(found.diffuse[0].astype(int) - image)[glossy.head]
    assert np.quantile(away, 0.99) <= 6 and away.mean() < 1


def test_pixels_off_the_skin_are_those_of_the_photo(glossy):
    found = removed(glossy)
    np.testing.assert_array_equal(
        found.diffuse[0][~glossy.head], glossy.capture.image[0][~glossy.head]
    )
    assert not found.probability[0][~glossy.head].any()


def test_without_a_method_the_photo_stays_and_the_light_is_told(glossy):
    found = removed(glossy, method="none", illuminant=[2.0, 1.0, 1.0])
    np.testing.assert_array_equal(found.diffuse[0], glossy.capture.image[0])
    np.testing.assert_allclose(found.illuminant[0], [1.5, 0.75, 0.75])
    assert found.illuminant_source == ("setting",) and found.illuminant_sigma[0] == 0


def test_a_view_that_was_not_fitted_is_its_photo(glossy):
    fit = glossy.fit.replace(world_to_camera=np.full((1, 3, 4), np.nan))
    found = remove_highlights(glossy.model, glossy.capture, fit, glossy.skin)
    np.testing.assert_array_equal(found.diffuse[0], glossy.capture.image[0])
    assert not found.probability[0].any()


def test_two_numbers_are_no_light():
    with pytest.raises(ConfigError, match=r"highlights\.illuminant is \[1, 2\], expected three"):
        HighlightOptions(illuminant=[1, 2])


def test_the_numbers_of_the_method_are_those_of_its_version(glossy):
    """Golden numbers: another result on the same photo raises the artefact's version."""
    assert Highlights.version == 3
    found = removed(glossy)
    matte, lit = srgb_to_linear(found.diffuse[0]), glossy.specular > 0.05
    numbers = [*matte[lit].mean(axis=0), *matte[glossy.head].std(axis=0)]
    numbers += [found.probability[0][lit].mean(), found.probability[0][glossy.head].mean()]
    numbers += [*found.illuminant[0], found.illuminant_sigma[0]]
    np.testing.assert_allclose(numbers, GOLDEN, rtol=2e-3)


GOLDEN = [
    *(0.4754196, 0.2922349, 0.2181117),
    *(0.07436861, 0.04625830, 0.03227861),
    *(174.9380, 13.82511),
    *(0.9873316, 1.003873, 1.008796, 0.08750258),
]
