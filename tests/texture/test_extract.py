"""The published texture of one photo, as it is and with its region where it belongs."""

import numpy as np
import pytest
from scipy import ndimage

from lib.geometry import project
from lib.imaging import linear_to_srgb
from lib.texture import TextureOptions, blend_texture, prepare_chart
from lib.texture.extract import median_blend, middle, poisson_clone
from tests.texture.conftest import make_scene

SIDE = 128
STANDARD = {36: (-36, 0), 39: (-24, 0), 42: (24, 0), 45: (36, 0), 30: (0, -33), 48: (-25, -66),
            54: (25, -66)}  # fmt: skip


def off_centre():
    """A photo with a bright spot in a seen region in a corner of the chart; grey elsewhere."""
    photo, modelled = np.full((2, SIDE, SIDE, 3), 90, np.uint8)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[10:60, 20:60] = 255
    photo[30:34, 45:49] = 250
    return photo, modelled, mask


def brightest(picture):
    smooth = ndimage.uniform_filter(picture.sum(axis=2).astype(float), 3)
    return np.array(np.unravel_index(smooth.argmax(), smooth.shape))


def test_the_published_centre_pastes_a_region_where_it_does_not_belong():
    photo, modelled, mask = off_centre()
    right = brightest(poisson_clone(photo, modelled, mask))
    wrong = brightest(poisson_clone(photo, modelled, mask, middle(mask.shape)))
    assert np.abs(right - [31.5, 46.5]).max() <= 1.5
    box_centre = np.array([10 + 25, 20 + 20])
    np.testing.assert_array_equal(wrong - right, SIDE // 2 - box_centre)


def test_the_clone_leaves_what_is_not_seen_and_takes_up_the_step_in_tone():
    photo, modelled, mask = off_centre()
    photo = photo + np.uint8(0)
    photo[mask > 0] += np.uint8(5)
    result = poisson_clone(np.maximum(photo, 95), modelled, mask)
    assert (result[mask == 0] == modelled[mask == 0]).all()
    assert abs(int(result[50, 25, 0]) - 90) <= 1  # the photo was 95 all over


def test_a_region_too_small_to_clone_is_left_out():
    photo, modelled, mask = off_centre()
    mask[:] = 0
    mask[5:8, 5:8] = 255
    np.testing.assert_array_equal(poisson_clone(photo, modelled, mask), modelled)
    np.testing.assert_array_equal(poisson_clone(photo, modelled, 0 * mask), modelled)


def test_the_median_drops_specks_and_keeps_regions():
    photo, modelled, mask = off_centre()
    mask[100, 100] = 255
    result, share = median_blend(photo + np.uint8(40), modelled, mask)
    assert share[100, 100] == 0 and (result[100, 100] == 90).all()
    assert share[35, 40] == 1 and (result[35, 40] == 130).all()


@pytest.fixture(scope="module")
def chart(turned):
    return prepare_chart(turned.model, SIDE)


def extracted(scene, chart, **changes):
    points = scene.fit.landmarks_px.copy()
    camera = scene.fit.world_to_camera[0], scene.fit.focal_px[0], scene.fit.centre_px[0]
    for index, place in STANDARD.items():
        points[0, index] = project(np.array([[*place, 10.0]]), *camera)[0]
    options = TextureOptions(method="extract", uv_size=SIDE, **changes)
    fit = scene.fit.replace(landmarks_px=points)
    return blend_texture(scene.model, scene.capture, scene.faces, fit, options=options, chart=chart)


def detail(rgb):
    """What is left of the encoded green channel without its slow changes."""
    encoded = linear_to_srgb(np.clip(rgb[..., 1].astype(np.float32), 0, 1))
    return encoded - ndimage.gaussian_filter(encoded, 4)


def shrunk(truth):
    step = truth.shape[0] // SIDE
    return truth.reshape(SIDE, step, SIDE, step, 3).mean(axis=(1, 3))


def likeness(texture, truth, inside):
    return np.corrcoef(detail(texture.rgb)[inside], detail(shrunk(truth))[inside])[0, 1]


def well_inside(texture):
    return ndimage.binary_erosion(texture.weight > 0.5, iterations=8)


def test_detail_of_a_turned_head_is_where_it_belongs_unless_as_published(turned, chart):
    fixed = extracted(turned, chart)
    inside = well_inside(fixed)
    assert inside.sum() > 500
    columns = np.nonzero(inside)[1]
    assert abs(columns.mean() - SIDE / 2) > 4  # seen from one side
    upstream = extracted(turned, chart, extract_upstream=True)
    assert likeness(fixed, turned.truth, inside) > 0.8
    assert likeness(upstream, turned.truth, inside) < 0.4


def test_the_mixed_texture_has_the_photos_colours_where_it_is_seen(turned, chart):
    texture = extracted(turned, chart, extract="median")
    inside = well_inside(texture)
    error = np.abs(texture.rgb[inside].astype(np.float32) - shrunk(turned.truth)[inside])
    assert np.median(error) < 0.012
    assert likeness(texture, turned.truth, inside) > 0.8


def test_sampling_at_vertices_of_a_small_crop_loses_detail(turned, chart):
    inside = well_inside(extracted(turned, chart, extract="median"))
    texels = extracted(turned, chart, extract="median")
    vertices = extracted(turned, chart, extract="median", extract_upstream=True)
    both = inside & (vertices.weight > 0.99)
    assert both.sum() > 300
    assert likeness(texels, turned.truth, both) > likeness(vertices, turned.truth, both) + 0.02


def test_of_several_views_the_most_frontal_one_is_taken(chart, tmp_path):
    """The other one is half as bright."""
    scene = make_scene(tmp_path, yaws_deg=(40.0, 0.0), gains=(0.5, 1.0))
    texture = extracted(scene, chart, extract="median")
    columns = np.nonzero(well_inside(texture))[1]
    assert abs(columns.mean() - (SIDE - 1) / 2) < 1.5
    inside = well_inside(texture)
    true = shrunk(scene.truth)[inside]
    assert np.median(np.abs(texture.rgb[inside].astype(np.float32) - true)) < 0.012
