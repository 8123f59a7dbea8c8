"""People in the background and on posters: shaded like bodies, good when small or blurred."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lib.synthesis.backgrounds.shapes import CLOTHS, HAIR, SKIN, fractal, pick, smoothstep

MOST_PX = 22.0  # half a face is drawn with no more, and enlarged
BUST = (-2.3, 2.3, -1.5, 4.4)  # left, right, top, bottom in halves of a face's height
WHOLE = (-2.3, 2.3, -1.5, 14.0)


@dataclass(frozen=True)
class _Figure:
    """A half-drawn person: places in halves of the face's height, light, colour, cover.

    Args:
        x, y: (h, w) places.
        light: (3,) towards it: right, down, towards the viewer.
        colour: (h, w, 3) so far.
        cover: (h, w) so far.
        soft: width of an edge.
    """

    x: np.ndarray
    y: np.ndarray
    light: np.ndarray
    colour: np.ndarray
    cover: np.ndarray
    soft: float

    def rows(self, top: float, bottom: float) -> _Figure:
        """The part between two heights, sharing its arrays with the whole."""
        part = slice(*np.searchsorted(self.y[:, 0], [top, bottom]))
        arrays = (a[part] for a in (self.x, self.y, self.colour, self.cover))
        x, y, colour, cover = arrays
        return _Figure(x, y, self.light, colour, cover, self.soft)

    def lay(self, tone: np.ndarray, mask: np.ndarray) -> None:
        """Cover by a tone, (h, w, 3) or (3,), where the mask (h, w) says."""
        self.colour[:] += mask[..., None] * (tone - self.colour)
        self.cover[:] = np.maximum(self.cover, mask)

    def ball(
        self, middle: tuple[float, float], half: tuple[float, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(h, w) shade and (h, w) mask of an ellipsoid."""
        u, v = (self.x - middle[0]) / half[0], (self.y - middle[1]) / half[1]
        square = u * u + v * v
        mask = smoothstep(1 + self.soft / min(half), 1 - self.soft / min(half), np.sqrt(square))
        return self.shade(u, v, np.sqrt(np.maximum(1 - square, 0))), mask

    def shade(self, u: np.ndarray, v: np.ndarray, w: np.ndarray) -> np.ndarray:
        """(h, w) light on a surface of a normal."""
        cosine = u * self.light[0] + v * self.light[1] + w * self.light[2]
        return 0.3 + 0.85 * np.maximum(cosine, 0) - 0.06 * v

    def spot(self, x: float, y: float, wide: float, high: float) -> np.ndarray:
        """(h, w) a soft spot, 1 in its middle."""
        return np.exp(-(((self.x - x) / wide) ** 2) - ((self.y - y) / high) ** 2)


@dataclass(frozen=True)
class Person:
    """A drawn person.

    Args:
        picture: (h, w, 4) linear colour times cover, and cover.
        scale: px that half a face's height has in it.
        corner: of the picture, from the face's middle, in halves of the face's height.
    """

    picture: np.ndarray
    scale: float
    corner: tuple[float, float]


def draw_person(half_px: float, chance: np.random.Generator, whole: bool = False) -> Person:
    """A person of random looks.

    Args:
        half_px: half the face's height in the picture that it is for.
        chance: source of random numbers.
        whole: down to the feet instead of the chest.
    """
    left, right, top, bottom = WHOLE if whole else BUST
    scale = float(np.clip(half_px, 3.0, MOST_PX))
    columns, rows = int(np.ceil((right - left) * scale)), int(np.ceil((bottom - top) * scale))
    x = left + (np.arange(columns, dtype=np.float32) + 0.5) / scale
    y = top + (np.arange(rows, dtype=np.float32) + 0.5) / scale
    towards = chance.normal([0, -0.5, 0.7], [0.7, 0.3, 0.25])
    figure = _Figure(
        np.broadcast_to(x, (rows, columns)), np.broadcast_to(y[:, None], (rows, columns)),
        (towards / np.linalg.norm(towards)).astype(np.float32),
        np.zeros((rows, columns, 3), np.float32), np.zeros((rows, columns), np.float32),
        1.0 / scale,
    )  # fmt: skip
    skin, hair, cloth = (pick(codes, chance) for codes in (SKIN, HAIR, CLOTHS))
    long = chance.random() < 0.45
    if whole:
        _legs(figure.rows(5.5, 14), pick(CLOTHS, chance), chance)
    if long:
        part = figure.rows(-1.5, 2.2)
        shade, mask = part.ball((0, 0.5), (0.92, 1.5))
        part.lay(hair * (0.75 * shade)[..., None], mask)
    _body(figure.rows(0, 7), skin, cloth, whole, chance)
    _head(figure.rows(-1.5, 1.3), skin, hair, long, chance)
    cover = figure.cover[..., None]
    picture = np.concatenate([np.maximum(figure.colour, 0) * cover, cover], axis=2)
    return Person(picture, scale, (left, top))


def paste_person(
    image: np.ndarray,
    person: Person,
    middle: tuple[float, float],
    half_px: float,
    light: float | np.ndarray = 1.0,
    mirrored: bool = False,
    before: np.ndarray | None = None,
) -> None:
    """Lay a person over an image in place.

    Args:
        image: (h, w, 3) linear.
        person: drawn.
        middle: of the face, px.
        half_px: half the face's height.
        light: factor on all colours.
        mirrored: left to right.
        before: (h, w) bool, where nothing hides the person; None = everywhere.
    """
    factor = half_px / person.scale
    x, y = (m + c * half_px for m, c in zip(middle, person.corner))
    picture = person.picture[:, ::-1] if mirrored else person.picture
    left, top = max(int(x), 0), max(int(y), 0)
    right = min(int(x + factor * picture.shape[1]) + 2, image.shape[1])
    bottom = min(int(y + factor * picture.shape[0]) + 2, image.shape[0])
    if right <= left or bottom <= top:
        return
    place = np.array([[factor, 0, x - left], [0, factor, y - top]])
    both = cv2.warpAffine(np.ascontiguousarray(picture), place, (right - left, bottom - top))
    both = both.reshape(bottom - top, right - left, 4)
    if before is not None:
        both *= before[top:bottom, left:right, None]
    part = image[top:bottom, left:right]
    part *= 1 - both[..., 3:]
    part += both[..., :3] * np.float32(light)


def paint_person(
    image: np.ndarray, middle: tuple[float, float], half_px: float, chance: np.random.Generator
) -> None:
    """Draw a person down to the chest and lay it over an image in place."""
    paste_person(image, draw_person(half_px, chance), middle, half_px)


def _legs(figure: _Figure, trousers: np.ndarray, chance: np.random.Generator) -> None:
    step = chance.uniform(0.05, 0.35)
    for side in (-1, 1):
        lean = side * (0.45 + step * (figure.y - 6.5) / 7)
        u = (figure.x - lean) / 0.48
        ends = smoothstep(13.4, 13.2, figure.y) * smoothstep(5.6, 5.8, figure.y)
        mask = smoothstep(1 + figure.soft, 1 - figure.soft, np.abs(u)) * ends
        shade = figure.shade(u, 0 * u, np.sqrt(np.maximum(1 - u * u, 0)))
        figure.lay(trousers * shade[..., None], mask)
        shade, mask = figure.ball((side * (0.5 + step), 13.4), (0.5, 0.3))
        figure.lay(0.05 * shade[..., None], mask)


def _body(
    figure: _Figure, skin: np.ndarray, cloth: np.ndarray, whole: bool, chance: np.random.Generator
) -> None:
    shade, mask = figure.ball((0, 1.0), (0.42, 0.85))
    figure.lay(skin * (0.6 * shade)[..., None], mask)
    shoulder = chance.uniform(1.55, 2.0)
    rise = np.clip((figure.y - 1.45) / 1.0, 0, 1)
    half = 0.35 + (shoulder - 0.35) * np.sqrt(rise) - 0.05 * np.maximum(figure.y - 2.6, 0)
    u = figure.x / np.maximum(half, 0.1)
    mask = smoothstep(1 + figure.soft, 1 - figure.soft, np.abs(u)) * (figure.y > 1.45)
    if whole:
        mask = mask * smoothstep(6.8, 6.7, figure.y)
    folds = fractal(figure.x.shape, chance, 0.6, 4)
    arm = 1 - 0.45 * np.exp(-(((np.abs(u) - 0.66) / 0.07) ** 2)) * (figure.y > 2.6)
    shade = figure.shade(0.9 * u, -0.55 * (1 - rise), np.sqrt(np.maximum(1 - u * u, 0.02)))
    figure.lay(cloth * (shade * arm * np.exp(0.12 * folds))[..., None], mask)
    neckline = chance.uniform(0.35, 0.75)
    shade, mask = figure.ball((0, 1.45), (0.4, neckline))
    figure.lay(skin * (0.75 * shade)[..., None], mask)
    figure.colour[:] *= (1 - 0.45 * figure.spot(0, 1.2, 0.5, 0.3))[..., None]  # the chin's shadow


def _head(
    figure: _Figure, skin: np.ndarray, hair: np.ndarray, long: bool, chance: np.random.Generator
) -> None:
    turn = chance.normal(0, 0.16)
    strands = fractal(figure.x.shape, chance, 0.3, 10, 0.5)
    bald = chance.random() < 0.1
    shade, mask = figure.ball((0, -0.28), (0.82, 0.9))
    if not bald:
        figure.lay(hair * (shade * np.exp(0.25 * strands))[..., None], mask)
    shade, mask = figure.ball((0.4 * turn, 0.08), (0.69, 0.95))
    face = skin * shade[..., None] * (1 + 0.04 * strands[..., None])
    blood = figure.spot(turn - 0.36, 0.28, 0.22, 0.2) + figure.spot(turn + 0.36, 0.28, 0.22, 0.2)
    face = face * (1 + blood[..., None] * np.array([0.06, -0.06, -0.06], np.float32))
    for end in (-1, 1):
        x = 1.3 * turn + 0.29 * end
        face = face * (1 - 0.5 * figure.spot(x, -0.08, 0.2, 0.12))[..., None]
        face = face * (1 - 0.75 * figure.spot(x, -0.06, 0.10, 0.055))[..., None]
        brow = 0.7 * figure.spot(x, -0.26, 0.19, 0.05)[..., None]
        face = face * (1 - brow) + hair * 0.6 * brow
    face = face * (1 + 0.16 * figure.spot(1.7 * turn, 0.1, 0.07, 0.22))[..., None]
    face = face * (1 - 0.4 * figure.spot(1.7 * turn + 0.06, 0.36, 0.14, 0.05))[..., None]
    red = 0.8 * figure.spot(1.4 * turn, 0.6, 0.25, 0.075)[..., None]
    face = face * (1 - red) + face * np.array([0.75, 0.42, 0.42], np.float32) * red
    face = face * (1 - 0.45 * figure.spot(1.4 * turn, 0.6, 0.24, 0.022))[..., None]
    if chance.random() < 0.2:
        beard = smoothstep(0.3, 0.6, figure.y + 0.5 * np.abs(figure.x))[..., None] * 0.75
        face = face * (1 - beard * (1 - red)) + hair * shade[..., None] * beard * (1 - red)
    if not bald:
        line = chance.uniform(-0.72, -0.45) + 0.35 * (figure.x - chance.normal(0, 0.3)) ** 2
        fringe = smoothstep(0.08, -0.08, figure.y - line - 0.05 * strands)
        if long:
            side = smoothstep(0.5, 0.62, np.abs(figure.x) - 0.04 * strands)
            fringe = np.maximum(fringe, side)
        dark = hair * (shade * np.exp(0.25 * strands))[..., None]
        face = face * (1 - fringe[..., None]) + dark * fringe[..., None]
    figure.lay(face, mask)
