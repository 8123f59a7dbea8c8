"""Photos in, pictures out: decoding, colour encoding, resampling, deterministic writing."""

from lib.imaging.colour import linear_to_srgb, luminance, srgb_to_linear, srgb_to_linear_slope
from lib.imaging.exr import Exr, encode_exr, read_exr, save_exr
from lib.imaging.photo import Photo, read_photo
from lib.imaging.picture import read_picture
from lib.imaging.resample import reduced_size, resize_to, sample_bilinear
from lib.imaging.write import (
    encode_jpeg,
    encode_png,
    read_png16,
    save_bytes,
    save_jpeg,
    save_png,
    save_png16,
)

__all__ = [
    "Exr",
    "Photo",
    "encode_exr",
    "encode_jpeg",
    "encode_png",
    "linear_to_srgb",
    "luminance",
    "read_exr",
    "read_photo",
    "read_picture",
    "read_png16",
    "reduced_size",
    "resize_to",
    "sample_bilinear",
    "save_bytes",
    "save_exr",
    "save_jpeg",
    "save_png",
    "save_png16",
    "srgb_to_linear",
    "srgb_to_linear_slope",
]
