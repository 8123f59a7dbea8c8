"""Where the cameras of a capture are: the file or folder in it that knows them."""

from __future__ import annotations

import os
from functools import lru_cache

NAMES = ("cameras.json", "camera_params.json", "params.json")
COLMAP_FOLDERS = ("sparse/0", "sparse", "colmap", "")
COLMAP_FILES = ("cameras.bin", "images.bin", "cameras.txt", "images.txt")
EXPORTS = (".xml", ".csv")
SCALES, FOLDERS_UP = "Rt_scale_dict.json", 4  # FaceScape's, beside its params.json or above


def find_cameras(folder: str) -> str:
    """Path of what holds the cameras of a capture folder; empty where nothing does.

    It is the first of: a JSON of a known name; a folder with a COLMAP model; the only XML, or the
    only CSV, in it.
    """
    for name in NAMES:
        if os.path.isfile(os.path.join(folder, name)):
            return os.path.join(folder, name)
    for name in COLMAP_FOLDERS:
        below = os.path.normpath(os.path.join(folder, name))
        files = [os.path.isfile(os.path.join(below, file)) for file in COLMAP_FILES]
        if all(files[:2]) or all(files[2:]):
            return below
    names = sorted(os.listdir(folder))
    for ending in EXPORTS:
        found = [name for name in names if name.lower().endswith(ending) and name[0] != "."]
        if len(found) == 1:
            return os.path.join(folder, found[0])
    return ""


@lru_cache(maxsize=1024)  # all views of a capture have the same
def camera_files(camera: str) -> tuple[str, ...]:
    """Every file that the cameras of a path are read from; empty for an empty path."""
    if not camera:
        return ()
    if os.path.isdir(camera):
        return tuple(os.path.join(camera, name) for name in COLMAP_FILES)
    if os.path.basename(camera) in COLMAP_FILES:
        return camera_files(os.path.dirname(camera) or ".")
    if os.path.basename(camera) == "params.json":
        above = os.path.dirname(os.path.abspath(camera))
        for _ in range(FOLDERS_UP):
            if os.path.isfile(os.path.join(above, SCALES)):
                return camera, os.path.join(above, SCALES)
            above = os.path.dirname(above)
    return (camera,)
