"""Photos in, pictures out: decoding, colour encoding, resampling, deterministic writing."""

from lib.imaging.colour import linear_to_srgb, luminance, srgb_to_linear
from lib.imaging.photo import Photo, read_photo
from lib.imaging.resample import resize_to, sample_bilinear
from lib.imaging.write import encode_jpeg, encode_png, save_bytes, save_jpeg, save_png

__all__ = [
    "Photo",
    "encode_jpeg",
    "encode_png",
    "linear_to_srgb",
    "luminance",
    "read_photo",
    "resize_to",
    "sample_bilinear",
    "save_bytes",
    "save_jpeg",
    "save_png",
    "srgb_to_linear",
]
