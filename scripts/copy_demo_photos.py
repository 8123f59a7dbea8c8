"""Copy the demo's pictures out of scikit-image: a public-domain portrait, and no face."""

import skimage.data

from lib.imaging import save_png
from lib.log import stage_log


def main(inputs, outputs, params):
    save_png(outputs.portrait, skimage.data.astronaut())
    save_png(outputs.no_face, skimage.data.coffee())


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
