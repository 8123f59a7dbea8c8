"""The one place that a run takes its images from."""

from __future__ import annotations

from collections.abc import Mapping

from lib.errors import ConfigError
from lib.planning.captures import scan_captures
from lib.planning.samples import Sample, scan_photos
from lib.planning.sheet import read_samples


def find_samples(
    photos: str, captures: str, samples: str, known: Mapping[str, str] | None = None
) -> list[Sample]:
    """Every image of a run; none where no source is named.

    Args:
        photos: folder of photos, or empty.
        captures: a capture folder or a folder of them, or empty.
        samples: a sample sheet, or empty.
        known: image path -> capture name of earlier runs.

    Raises:
        ConfigError: more than one source is named, or it cannot be used.
    """
    named = {"photos": photos, "captures": captures, "samples": samples}
    named = {name: path for name, path in named.items() if path}
    if len(named) > 1:
        raise ConfigError(
            " and ".join(f"{name}: '{path}'" for name, path in named.items())
            + " are set, expected one of them. A run has one source of images: unset the others "
            "(--config photos= captures= samples=SHEET), or list all images in one sample sheet."
        )
    if samples:
        return read_samples(samples)
    if captures:
        return scan_captures(captures, known)
    return scan_photos(photos, known) if photos else []
