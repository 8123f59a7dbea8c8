"""Capture folders: many views of one moment, with their cameras and masks.

A capture folder holds `images/` (or the images themselves), perhaps a file of cameras
(`lib.planning.cameras`), perhaps `masks/` with a mask of the same stem for each image, and perhaps
a `truth.ply` or `truth.obj` with landmarks beside it. RealityCapture's XMP files may lie beside the
images, one for each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from lib.errors import ConfigError
from lib.planning.cameras import find_cameras
from lib.planning.names import tidy_path, unique_name
from lib.planning.samples import Sample, file_state, may_be_photo
from lib.planning.truth import SCANS, find_truth

IMAGES, MASKS = "images", "masks"
BESIDE = ".xmp"
TRUTH = "truth"


def scan_captures(
    folder: str | os.PathLike[str], known: Mapping[str, str] | None = None
) -> list[Sample]:
    """Every view of a capture folder, or of all capture folders below a folder.

    Folders are searched from the top; what lies in a capture folder belongs to it.

    Args:
        folder: a capture folder, or one that holds such folders at any depth.
        known: image path -> capture name of earlier runs; a capture keeps its name when others
            come or go. New ones get the `slug` of their folder, with a hash where it is in use.

    Raises:
        ConfigError: the folder is not there, cannot be listed, or holds no capture; or a truth has
            no landmarks.
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        raise ConfigError(
            f"captures: '{folder}' is not a folder. Name a capture folder, or a folder of them: "
            "--config captures=FOLDER"
        )
    top = os.path.basename(os.path.abspath(folder))
    found = list(_capture_folders(folder))
    if not found:
        raise ConfigError(
            f"captures: '{folder}' holds no capture. A capture folder has images/ with one image "
            "per view, and a file of cameras such as cameras.json beside it."
        )
    known = known or {}
    taken = {name.casefold() for name in known.values()}
    samples: list[Sample] = []
    for path in found:
        views = list(_views(path))
        names = {known[sample.image] for sample in views if sample.image in known}
        if len(names) == 1:
            name = names.pop()
        else:
            relative = os.path.relpath(path, folder)
            name = unique_name(
                f"{top if relative == '.' else relative.replace(os.sep, '/')}/", taken
            )
        taken.add(name.casefold())
        samples += [sample._replace(capture=name, subject=name) for sample in views]
    return samples


def _capture_folders(folder: str) -> Iterator[str]:
    """Capture folders at or below a folder, sorted by path."""
    waiting, listed = [folder], set()
    while waiting:
        here = waiting.pop()
        real = os.path.realpath(here)
        if real in listed:  # a link back
            continue
        listed.add(real)
        entries = _entries(here)
        below = [entry.path for entry in entries if entry.is_dir()]
        if any(may_be_photo(entry) for entry in _image_entries(here, entries)):
            others = [p for p in below if os.path.basename(p) not in (IMAGES, MASKS)]
            inner = os.path.isdir(os.path.join(here, IMAGES)) or bool(find_cameras(here))
            if inner or not others:
                yield here
                continue
        waiting += reversed(below)


def _views(folder: str) -> Iterator[Sample]:
    """The views of a capture folder, without the capture's name."""
    camera = find_cameras(folder)
    masks = _by_stem(os.path.join(folder, MASKS))
    truths = [
        TRUTH + ending for ending in SCANS if os.path.isfile(os.path.join(folder, TRUTH + ending))
    ]
    truth = find_truth(truths[0], folder)._asdict() if truths else {}
    taken: set[str] = set()
    for entry in _image_entries(folder, _entries(folder)):
        if not may_be_photo(entry):
            continue
        view = unique_name(entry.name, taken)
        taken.add(view.casefold())
        stem = os.path.splitext(entry.path)[0]
        beside = stem + BESIDE if os.path.isfile(stem + BESIDE) else ""
        paths = entry.path, camera or beside, masks.get(os.path.basename(stem), "")
        image, own, mask = (tidy_path(path) if path else "" for path in paths)
        state = file_state(image, own, mask)
        yield Sample("", view, image, "", own, *state, **truth, mask=mask)


def _image_entries(folder: str, entries: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    """What lies in `images/` of a folder, or in the folder itself where it has none."""
    inner = os.path.join(folder, IMAGES)
    return _entries(inner) if os.path.isdir(inner) else entries


def _by_stem(folder: str) -> dict[str, str]:
    """Stem -> path of the files in a folder; empty where there is no folder."""
    if not os.path.isdir(folder):
        return {}
    return {os.path.splitext(e.name)[0]: e.path for e in _entries(folder) if may_be_photo(e)}


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What a folder holds, sorted, without hidden entries."""
    try:
        found = list(os.scandir(folder))
    except OSError as error:
        raise ConfigError(
            f"captures: the folder '{folder}' cannot be listed ({error.strerror}). Make it "
            "readable, or move it out of the folder of captures."
        ) from error
    return sorted((e for e in found if not e.name.startswith(".")), key=lambda entry: entry.name)
