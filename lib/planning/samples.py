"""The photos of a run, and every image of a folder as one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from lib.errors import ConfigError
from lib.planning.cameras import camera_files
from lib.planning.names import tidy_path, unique_name

FIRST_VIEW = "00"
_DOCUMENTS = (
    "txt md rst log pdf doc docx odt html htm xml xmp aae json yaml yml toml ini cfg csv tsv"
)
_DATA = "xls xlsx mat npy npz h5 hdf5 pkl pts db lnk url zip gz tar 7z rar mp4 mov avi mkv mp3 wav"
_CODE = "obj mtl ply stl glb gltf fbx blend py sh ipynb"
NEVER_PHOTOS = frozenset(f"{_DOCUMENTS} {_DATA} {_CODE}".split())


class Sample(NamedTuple):
    """One image and what it shows.

    Args:
        capture: name of the moment that it belongs to.
        view: name of the view; the views of a capture are sorted by it.
        image: path of the image; relative to the working folder where it lies below it.
        subject: whose face; captures of one subject share an identity.
        camera: path of a file or folder with known cameras, or empty.
        size: bytes of image, camera files and mask together; -1 when the image is not there.
        mtime_ns: when the youngest of them was changed; -1 when the image is not there.
        truth: what the capture is compared with, see `lib.planning.truth`; empty = nothing. It
            belongs to the capture: all its views have the same.
        truth_size: bytes of the truth's files; 0 without a truth.
        truth_mtime_ns: when the youngest of them was changed; 0 without a truth.
        mask: path of a picture that is white where the face is, or empty.
    """

    capture: str
    view: str
    image: str
    subject: str
    camera: str
    size: int
    mtime_ns: int
    truth: str = ""
    truth_size: int = 0
    truth_mtime_ns: int = 0
    mask: str = ""


def scan_photos(folder: str | Path, known: Mapping[str, str] | None = None) -> list[Sample]:
    """Every photo below a folder, sorted by path; each its own capture and its own subject.

    Every regular file counts, whatever it holds, except hidden files and kinds that are never
    photos (`NEVER_PHOTOS`, `Thumbs.db`). Links are followed; a link to a folder that was already
    listed is not.

    Args:
        folder: the photo folder.
        known: image path -> capture name of earlier runs; a photo keeps its name when others come
            or go. New photos get `slug` of their path, with a short hash where it is in use.

    Raises:
        ConfigError: the folder is not there, cannot be listed, or holds no photo.
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        raise ConfigError(
            f"photos: '{folder}' is not a folder. Put your photos in a folder and name it: "
            "--config photos=FOLDER"
        )
    found = sorted(_image_files(folder), key=lambda item: item[0])
    if not found:
        raise ConfigError(
            f"photos: '{folder}' holds no photo. Put JPEG, PNG or other photos in it."
        )
    known = known or {}
    taken = {name.casefold() for name in known.values()}
    samples = []
    for relative, path, size, mtime_ns in found:
        image = tidy_path(path)
        name = known.get(image)
        if name is None:
            name = unique_name(relative, taken)
            taken.add(name.casefold())
        samples.append(Sample(name, FIRST_VIEW, image, name, "", size, mtime_ns))
    return samples


def file_state(image: str, camera: str = "", mask: str = "") -> tuple[int, int]:
    """(size, mtime_ns) of an image with its camera files and its mask, as `Sample` keeps them."""
    try:
        state = os.stat(image)
    except OSError:
        return -1, -1
    size, mtime_ns = state.st_size, state.st_mtime_ns
    for other in [*camera_files(camera), *([mask] if mask else [])]:
        try:
            state = os.stat(other)
        except OSError:
            continue
        size, mtime_ns = size + state.st_size, max(mtime_ns, state.st_mtime_ns)
    return size, mtime_ns


def _image_files(folder: str) -> Iterator[tuple[str, str, int, int]]:
    """(relative path with `/`, path, size, mtime_ns) of every file that counts as a photo."""
    waiting, listed = [(folder, "")], {os.path.realpath(folder)}
    while waiting:
        here, prefix = waiting.pop()
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            raise ConfigError(
                f"photos: the folder '{here}' cannot be listed ({error.strerror}). "
                "Make it readable, or move it out of the photo folder."
            ) from error
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                if real not in listed and os.path.realpath(real) not in listed:
                    listed.add(os.path.realpath(real))
                    waiting.append((entry.path, f"{prefix}{entry.name}/"))
            elif may_be_photo(entry):
                try:
                    state = entry.stat()
                    yield prefix + entry.name, entry.path, state.st_size, state.st_mtime_ns
                except OSError:  # a broken link: a photo that is not there
                    yield prefix + entry.name, entry.path, -1, -1


def may_be_photo(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is a file of none of the kinds that are never photos."""
    extension = entry.name.rpartition(".")[2].lower() if "." in entry.name else ""
    return extension not in NEVER_PHOTOS and (entry.is_file() or entry.is_symlink())
