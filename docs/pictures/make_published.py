"""The picture of docs/published_systems.md from the published files of one exported head.

snakemake --cores 2 synthesise --config results=out 'synthesis={count: 4, shard_size: 4, \
    things: 0, yaw_deg: 25, height_px: 512, width_px: 512}'
snakemake --cores 2 --config samples=out/synthetic/makehuman_photo_0/samples.tsv results=out \
    'export={published: [deep3d, 3ddfa_v3]}'
PYTHONPATH=. .venv/bin/python docs/pictures/make_published.py out/b0001/export/photo_000000

The face is made up; what it is made from is CC0.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lib.figures.sheets import font
from lib.render import Camera, interpolate, render_buffers

HERE = Path(__file__).parent
SIDE, GAP, LABEL = 150, 4, 18
COLUMNS = 8
NAMES = (
    *("photo", "shape", "pcaTex", "ldm68", "ldm106", "ldm106_2d", "ldm134", "seg_visible"),
    *("right eye", "left eye", "right brow", "left brow", "nose", "upper lip", "lower lip", "skin"),
)


def read_coloured(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (V, 3), colours (V, 3) and triangles (T, 3) of a file with `v x y z r g b`."""
    rows = [line.split() for line in path.read_text().splitlines()]
    vertices = np.array([row[1:] for row in rows if row[0] == "v"], float)
    triangles = np.array([row[1:] for row in rows if row[0] == "f"], int) - 1
    return vertices[:, :3], vertices[:, 3:], triangles.astype(np.int32)


def turned(path: Path, yaw_deg: float, side: int) -> Image.Image:
    """The coloured mesh of a file, turned about its own middle."""
    vertices, colours, triangles = read_coloured(path)
    yaw = np.radians(yaw_deg)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    points = (vertices - vertices.mean(axis=0)) @ turn.T
    rotation = np.diag([1.0, -1.0, -1.0])
    pose = np.column_stack([rotation, [0, 0, 3 * np.ptp(points[:, 1])]])
    scale = 100.0  # decimetres to millimetres
    camera = Camera(pose * [1, 1, 1, scale], 2.9 * side, np.full(2, (side - 1) / 2))
    fine = 3
    shown = render_buffers(
        scale * points, triangles, *camera, (side, side), cull_back_faces=True, supersample=fine
    )
    painted = interpolate(shown, colours.astype(np.float32), triangles)
    painted = np.where(shown.mask[..., None], painted, 1)
    mean = painted.reshape(side, fine, side, fine, 3).mean(axis=(1, 3))
    return Image.fromarray(np.rint(255 * mean).astype(np.uint8))


def cut(picture: Image.Image, rows: int, columns: int) -> list[Image.Image]:
    """The panels of a grid, one after the other."""
    width, height = picture.width // columns, picture.height // rows
    corners = [(c * width, r * height) for r in range(rows) for c in range(columns)]
    return [picture.crop((x, y, x + width, y + height)) for x, y in corners]


def sheet(pictures: list[tuple[str, Image.Image]]) -> Image.Image:
    """Labelled pictures in rows."""
    rows = -(-len(pictures) // COLUMNS)
    size = COLUMNS * (SIDE + GAP) - GAP, rows * (SIDE + LABEL + GAP) - GAP
    page = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    for index, (name, picture) in enumerate(pictures):
        row, column = divmod(index, COLUMNS)
        x, y = column * (SIDE + GAP), row * (SIDE + LABEL + GAP)
        page.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (x, y + LABEL))
        draw.text((x + 2, y + 2), name, "black", font(12))
    return page


def main(head: Path) -> None:
    """Write published.jpg beside this file."""
    stem = head.name
    three = Image.open(head / "deep3d" / f"{stem}.png").convert("RGB")
    dense = head / "3ddfa_v3"
    grid = Image.open(dense / f"{stem}.png").convert("RGB")
    pictures = list(zip(("crop", "render", "points"), cut(three, 1, 3), strict=True))
    pictures += [
        (f"{kind} {yaw}\N{DEGREE SIGN}", turned(dense / f"{stem}_{kind}.obj", yaw, SIDE))
        for kind in ("pcaTex", "extractTex")
        for yaw in (0, 40)
    ]
    pictures.append(("texture", Image.open(dense / f"{stem}_extractTex.png").convert("RGB")))
    pictures += zip(NAMES, cut(grid, 4, 4), strict=True)
    sheet(pictures).save(HERE / "published.jpg", quality=84, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("head", type=Path, help="folder of one exported head")
    main(parser.parse_args().head)
