"""How much of the true gradient of an outline `antialias` gives, and what a fit makes of it.

python -m tests.benchmarks.outlines [--picture FILE]

The covered area of an image grows with the square of the mesh's scale, so d(area) / d(scale) is
2 x area. The table has the share of it, in percent, by both rules, for closed surfaces of growing
density. The picture shows the fit of `tests/render/test_silhouette_fit.py`: start, target (outline
in red everywhere), end without and end with the gradient of outlines.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lib.render.differentiable import antialias, edge_table, rasterise
from tests.render.backends import ellipsoid, view_clip
from tests.render.test_silhouette_fit import START, Scene, fitted

SIDES = (11, 23, 41, 83, 188)
SIZES = (224, 512, 1024)


def share(side: int, size: int, rule: str) -> float:
    """Gradient of the area by the scale over the true one, percent."""
    vertices, triangles = ellipsoid(side, side)
    triangles = torch.as_tensor(triangles)
    scale = torch.tensor(1.0, requires_grad=True)
    clip = torch.tensor(view_clip(vertices, 10.0, focal=8.0), dtype=torch.float32)
    clip = torch.cat([clip[..., :2] * scale, clip[..., 2:]], dim=-1)
    raster = rasterise(clip, triangles, (size, size))
    mask = raster.mask[..., None].float()
    smooth = antialias(mask, raster, clip, triangles, edge_table(triangles), rule)
    smooth.sum().backward()
    return 100 * float(scale.grad) / (2 * float(mask.sum()))


def table() -> str:
    """The shares as Markdown."""
    heads = " | ".join(f"{size} px" for size in SIZES)
    lines = [f"| triangles | {heads} |", "|---" * (len(SIZES) + 1) + "|"]
    for side in SIDES:
        cells = [f"{share(side, s, 'pairs'):.1f} / {share(side, s, 'edges'):.1f}" for s in SIZES]
        lines.append(f"| {2 * side * side:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def picture() -> Image.Image:
    """Start, target, end without and end with the gradient; a mask above, colours below."""
    rows = []
    for colour in ("white", "normals"):
        scene = Scene(colour)
        places = [torch.tensor(START), torch.zeros(3)]
        for smooth in (False, True):
            scale, shift = fitted(scene, smooth)
            places.append(torch.tensor([np.log(scale), *shift * 2 / scene.pixels]))
        large = Scene(colour, pixels=256)
        images = [large.image(place.float(), smooth=True)[0].numpy() for place in places]
        mask = images[1].sum(axis=-1) > 0.05
        inner = mask & np.logical_and.reduce([np.roll(mask, s, a) for s in (-1, 1) for a in (0, 1)])
        panels = [np.broadcast_to(image, (*mask.shape, 3)).copy() for image in images]
        for panel in panels:
            panel[mask & ~inner] = (1.0, 0.15, 0.1)
        rows.append(np.concatenate(panels, axis=1))
    return Image.fromarray((np.clip(np.concatenate(rows), 0, 1) * 255).astype(np.uint8))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, help="where to write the picture of the fit")
    arguments = parser.parse_args()
    print(table())
    if arguments.picture:
        picture().save(arguments.picture)
