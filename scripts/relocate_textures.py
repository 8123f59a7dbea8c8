"""Relocate textures: textures in, the crops that the published displacement network expects out."""

from pathlib import Path

import numpy as np

from lib.artefacts import BatchReader, Texture
from lib.imaging import linear_to_srgb, save_png
from lib.log import stage_log
from lib.texture import relocate


def main(inputs, outputs, params):
    folder = Path(outputs.crops)
    folder.mkdir(parents=True, exist_ok=True)
    with BatchReader(inputs.texture, Texture) as textures:
        for name, texture in textures.items():
            crop = np.clip(relocate(texture.rgb.astype(np.float32)), 0, 1)
            save_png(folder / f"{name}.png", np.rint(255 * linear_to_srgb(crop)).astype(np.uint8))


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
