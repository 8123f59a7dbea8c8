"""What is behind a person in a photo: twenty kinds of surroundings, in focus or not."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from lib.synthesis.backgrounds import outdoors as views
from lib.synthesis.backgrounds.rooms import Stage, living_room, office, shop, street, wall
from lib.synthesis.backgrounds.shapes import SOFTEST_PX, defocus
from lib.synthesis.backgrounds.textures import WALLS
from lib.synthesis.cameras.view import View

BRIGHTEST = 12.0  # lamps are no brighter than this after blur
DRAWN_PER_PX = 4.5  # a picture that is blurred by more px is drawn smaller
SMALLEST_PX = 96
USUAL_MM = 1200.0  # distance of a person whose camera is not known

Painter = Callable[[tuple[int, int], np.random.Generator, Stage], np.ndarray]


def _painted(
    draw: Callable[[tuple[int, int], np.random.Generator], np.ndarray],
) -> Painter:
    return lambda size, chance, stage: draw(size, chance)


def _built(draw: Callable[[Stage, np.random.Generator], tuple], people: float = 0.0) -> Painter:
    def paint(size: tuple[int, int], chance: np.random.Generator, stage: Stage) -> np.ndarray:
        image, depth = draw(stage, chance)
        empty = depth > 1e8
        if empty.any():
            image = np.where(empty[..., None], views.sky(size, chance), image)
        if chance.random() < people:
            focal, nearest = stage.focal_per_height * size[0], stage.subject_mm + 1500
            image = views.passers(image, depth, focal, nearest, chance)
        return image

    return paint


def _night_street(size: tuple[int, int], chance: np.random.Generator, stage: Stage) -> np.ndarray:
    image, depth = street(stage, chance, night=True)
    empty = (depth > 1e8)[..., None]
    image = np.where(empty, np.array([0.006, 0.008, 0.014], np.float32), image)
    return views.night_lights(size, chance, image)


def _leaves(size: tuple[int, int], chance: np.random.Generator, stage: Stage) -> np.ndarray:
    return views.leaves(size, chance, stage.blur_px)


def _wall(kind: str) -> Painter:
    return lambda size, chance, stage: wall(stage, chance, kind)[0]


# kind: painter, share of photos, and least and most blur, of the picture's height
KINDS: dict[str, tuple[Painter, float, tuple[float, float]]] = {
    "seamless": (_painted(views.seamless), 0.08, (0.0, 0.0)),
    "canvas": (_painted(views.canvas), 0.04, (0.002, 0.02)),
    "plain": (_painted(views.plain), 0.06, (0.0, 0.0)),
    "living_room": (_built(living_room), 0.16, (0.003, 0.035)),
    "office": (_built(office, 0.4), 0.07, (0.003, 0.035)),
    "shop": (_built(shop, 0.4), 0.05, (0.004, 0.035)),
    "street": (_built(street, 0.6), 0.08, (0.003, 0.04)),
    "night_street": (_night_street, 0.03, (0.01, 0.05)),
    "night_lights": (_painted(views.night_lights), 0.03, (0.015, 0.06)),
    "leaves": (_leaves, 0.05, (0.012, 0.045)),
    "hedge": (_painted(views.hedge), 0.03, (0.002, 0.02)),
    "park": (_painted(views.park), 0.06, (0.002, 0.03)),
    "shore": (_painted(views.shore), 0.03, (0.002, 0.02)),
    "crowd": (_painted(views.crowd), 0.05, (0.004, 0.025)),
    "stage_light": (_painted(views.stage_light), 0.02, (0.004, 0.03)),
    **{kind: (_wall(kind), 0.16 / len(WALLS), (0.0, 0.008)) for kind in WALLS},
}


def draw_background(
    size: tuple[int, int],
    chance: np.random.Generator,
    view: View | None = None,
    light_tint: np.ndarray | None = None,
    kind: str | None = None,
) -> np.ndarray:
    """(h, w, 3) float32 linear: surroundings without the person; 1 = white in the person's light.

    Args:
        size: (h, w) px.
        chance: source of random numbers.
        view: gives the perspective and the blur of its lens; None = a usual portrait.
        light_tint: (3,) colour of the light on all, white = 1.
        kind: one of `KINDS`; None = by chance.

    Raises:
        ValueError: `kind` is not known.
    """
    names = list(KINDS)
    shares = np.array([KINDS[name][1] for name in names])
    drawn = names[chance.choice(len(names), p=shares / shares.sum())]
    kind = drawn if kind is None else kind
    if kind not in KINDS:
        raise ValueError(f"background '{kind}' is not known. Choose one of {', '.join(names)}.")
    painter, _, blur = KINDS[kind]
    radius = _blur_px(size, chance, view, blur)
    small = _drawn_size(size, radius)
    distance = view.focus_mm if view else USUAL_MM
    drawn_blur = radius * small[0] / size[0]
    stage = Stage(small, _focal(view, size, chance), distance, drawn_blur)
    image = np.clip(painter(small, chance, stage), 0, None).astype(np.float32)
    if light_tint is not None:
        image *= np.asarray(light_tint, np.float32)
    image = defocus(image, max(drawn_blur, SOFTEST_PX))
    if small != size:
        image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(image, 0, BRIGHTEST)


def _blur_px(
    size: tuple[int, int],
    chance: np.random.Generator,
    view: View | None,
    usual: tuple[float, float],
) -> float:
    """Radius of blur: of the lens, or of a phone that imitates one."""
    low, high = usual
    drawn = low + (high - low) * chance.beta(1.0, 2.2)
    behind = chance.uniform(1.5, 6.0)
    if view is None or high == 0:
        return float(drawn * size[0])
    lens = view.blur_radius_px(view.focus_mm * behind) / view.size[0]
    return float(np.clip(max(lens, drawn), low, high) * size[0])


def _drawn_size(size: tuple[int, int], radius_px: float) -> tuple[int, int]:
    factor = min(1.0, DRAWN_PER_PX / max(radius_px, 1e-6))
    factor = min(1.0, max(factor, SMALLEST_PX / min(size)))
    return max(8, round(size[0] * factor)), max(8, round(size[1] * factor))


def _focal(view: View | None, size: tuple[int, int], chance: np.random.Generator) -> float:
    drawn = float(np.exp(chance.uniform(np.log(0.8), np.log(2.5))))
    return drawn if view is None else view.camera.focal_px / view.size[0]
