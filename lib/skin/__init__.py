"""Where a photo shows bare skin."""

from lib.skin.mask import SkinOptions, mask_skin
from lib.skin.published import published_probability

__all__ = ["SkinOptions", "mask_skin", "published_probability"]
