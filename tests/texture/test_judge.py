"""Of what a photo shows on a face only the face's own colours reach the texture."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from lib.facemodel import FaceModel, load_face_model
from lib.texture import TextureOptions, prepare_chart
from lib.texture.chart import Chart
from lib.texture.complete import complete
from lib.texture.seen import Seen
from lib.uvspace.shown import _highlights

BLOND = np.log([0.55, 0.6, 0.35])  # of the skin's colour
DARK = np.log([0.3, 0.33, 0.38])
TONE = np.array([0.3, 0.2, 0.1])


@dataclass(frozen=True)
class Front:
    """A head whose front is seen, with freckles, and where its texels lie."""

    model: FaceModel
    chart: Chart
    place: np.ndarray  # (n, 3) mm
    prior: np.ndarray
    seen: Seen

    def mark(self, name: str, index: int) -> np.ndarray:
        return self.model.landmarks[name].on(self.model.mean, self.model.triangles)[index]

    def near(self, point: np.ndarray, reach_mm: float) -> np.ndarray:
        """(n,) bool: texels of the skin around a point."""
        aside = np.linalg.norm((self.place - point)[:, :2], axis=1)
        return (aside < reach_mm) & self.chart.skin & (self.seen.weight > 0)

    def paint(self, where: np.ndarray, colour: np.ndarray, **changes) -> Seen:
        log_rgb = self.seen.log_rgb.copy()
        log_rgb[where] = (self.prior + TONE + colour)[where]
        return replace(self.seen, log_rgb=log_rgb.astype(np.float32), **changes)

    def complete(self, seen: Seen) -> tuple[np.ndarray, np.ndarray]:
        return complete(self.chart, seen, self.prior, TextureOptions(uv_size=256))


@pytest.fixture(scope="module")
def front() -> Front:
    model = load_face_model("makehuman")
    chart = prepare_chart(model, 256)
    place = chart.spread(model.mean)
    flat = np.tile(np.float32(np.log([0.4, 0.25, 0.18])), (len(place), 1))
    albedo = np.maximum(chart.inner_albedo, 0.02)
    prior = np.where(chart.skin[:, None], flat, np.log(albedo)).astype(np.float32)
    weight = np.where(place[:, 2] > -10, 1.0, 0.0).astype(np.float32)
    freckles = np.random.default_rng(3).normal(0, 0.08, (len(place), 1))
    log_rgb = (prior + TONE + freckles).astype(np.float32)
    return Front(model, chart, place, prior, Seen(log_rgb, weight, np.ones_like(weight), 0.0))


def off(one: np.ndarray, other: np.ndarray) -> float:
    """Median distance of log colours."""
    return float(np.median(np.linalg.norm(one - other, axis=1)))


def test_bare_skin_with_freckles_and_a_mole_is_kept(front):
    mole = front.near(front.mark("ibug68", 30) + [35, 5, 0], 2.5)
    assert 5 < mole.sum() < 200
    rgb, weight = front.complete(front.paint(mole, np.log([0.4, 0.35, 0.35])))
    seen = front.seen.weight * front.chart.skin > 0
    assert np.quantile(weight[seen], 0.1) > 0.9
    assert off(rgb[mole], (front.prior + TONE)[mole]) > 1.0


@pytest.mark.parametrize("darker", [0.0, -2.0])
def test_skin_much_darker_than_expected_is_kept(front, darker):
    seen = replace(front.seen, log_rgb=front.seen.log_rgb + np.float32(darker))
    weight = front.complete(seen)[1]
    assert np.quantile(weight[front.seen.weight * front.chart.skin > 0], 0.1) > 0.9


@pytest.mark.parametrize("colour", [BLOND, DARK], ids=["blond", "dark"])
def test_a_fringe_that_the_skin_mask_takes_for_skin_is_left_out(front, colour):
    brow = front.mark("ibug68", slice(17, 27))[:, 1].max()
    fringe = front.chart.skin & (front.place[:, 1] > brow + 12) & (front.seen.weight > 0)
    rgb, weight = front.complete(front.paint(fringe, colour))
    assert weight[fringe].mean() < 0.1
    assert off(rgb[fringe], (front.prior + TONE)[fringe]) < 0.3
    below = front.near(front.mark("ibug68", 27), 8)
    assert weight[below].mean() > 0.9


def test_hair_over_one_cheek_is_replaced_by_the_other_side_but_a_beard_is_kept(front):
    jaw = np.array([24.0, front.mark("ibug68", 8)[1] + 26, 0])
    left, right = front.near(jaw, 12), front.near(jaw * [-1, 1, 1], 12)
    strand, strand_weight = front.complete(front.paint(left, DARK))
    beard, beard_weight = front.complete(front.paint(left | right, DARK))
    middle = front.near(jaw, 9)
    assert strand_weight[middle].mean() < 0.15
    assert off(strand[middle], (front.prior + TONE)[middle]) < 0.55
    assert beard_weight[left].mean() > 0.7
    assert off(beard[left], (front.prior + TONE + DARK)[left]) < 0.4


def test_dark_glasses_give_way_to_painted_eyes(front):
    corner = front.mark("ibug68", [36, 39, 42, 45])
    glasses = np.zeros(len(front.place), bool)
    for eye in (corner[:2].mean(axis=0), corner[2:].mean(axis=0)):
        glasses |= np.linalg.norm((front.place - eye)[:, :2] / [1.2, 1], axis=1) < 24
    glasses &= front.place[:, 2] > -25
    bare = np.where(glasses, 0.0, 1.0).astype(np.float32)
    rgb, weight = front.complete(front.paint(glasses, np.log(0.05), expected_skin=bare))
    eyes = glasses & front.chart.eye
    assert eyes.sum() > 100
    assert weight[glasses].mean() < 0.2
    assert rgb[eyes].max() > np.log(0.3)
    lids = glasses & front.chart.skin
    assert off(rgb[lids], (front.prior + TONE)[lids]) < 0.4


@pytest.mark.parametrize("mouth_open_mm", [0.0, 4.0])
def test_teeth_are_taken_off_the_lips_of_an_open_mouth_only(front, mouth_open_mm):
    lips = (front.chart.feature > 0.5) & front.near(front.mark("ibug68", 62), 40)
    inside = front.place - front.mark("ibug68", 66)
    teeth = lips & (np.abs(inside[:, 0]) < 15) & (np.abs(inside[:, 1]) < 3.5)
    seen = front.paint(lips, np.array([0.0, -0.5, -0.4]), mouth_open_mm=mouth_open_mm)
    log_rgb = seen.log_rgb.copy()
    log_rgb[teeth] = np.log([0.75, 0.7, 0.62])
    rgb, weight = front.complete(replace(seen, log_rgb=log_rgb))
    sampled = teeth & (inside[:, 2] > -4)
    assert sampled.sum() > 30
    red = (rgb[:, 0] - rgb[:, 1])[sampled].mean()
    if mouth_open_mm:
        assert weight[sampled].mean() < 0.1
        assert red > 0.75
    else:
        assert weight[sampled].mean() > 0.75
        assert red < 0.3


def test_without_outlier_weight_everything_counts(front):
    brow = front.mark("ibug68", slice(17, 27))[:, 1].max()
    fringe = front.chart.skin & (front.place[:, 1] > brow + 12) & (front.seen.weight > 0)
    options = TextureOptions(uv_size=256, outlier_weight=0.0)
    seen = front.paint(fringe, DARK)
    weight = complete(front.chart, seen, front.prior, options)[1]
    np.testing.assert_allclose(weight, seen.weight, atol=1e-5)


def test_of_the_holes_of_a_skin_mask_only_highlights_are_filled():
    probability = np.zeros((40, 60), np.uint8)
    probability[5:35, 5:55] = 255
    brightness = np.full((40, 60), 120.0)
    highlight, glasses = (slice(10, 15), slice(20, 30)), (slice(20, 26), slice(12, 48))
    probability[highlight] = probability[glasses] = 0
    brightness[highlight], brightness[glasses] = 240, 20
    expected = np.zeros((40, 60), bool)
    expected[highlight] = True
    np.testing.assert_array_equal(_highlights(probability, brightness), expected)
