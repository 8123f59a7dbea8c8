"""Where the file of a head model came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py


@dataclass(frozen=True)
class Provenance:
    """What a model file says about its origin, beside licence and source.

    Args:
        source_sha256: hash of the input, empty where it is a folder.
        created_by: script or function.
        copyright: notice that must be kept, or empty.
        licence_text: full text where the licence asks for it, or empty.
        redistributable: whether the licence allows passing the file on.
    """

    source_sha256: str = ""
    created_by: str = ""
    copyright: str = ""
    licence_text: str = ""
    redistributable: bool = True


def read_provenance(path: str | Path) -> Provenance:
    """What the file of a head model says about its origin, beside licence and source."""
    with h5py.File(path, "r") as file:
        told = file.attrs
        return Provenance(
            source_sha256=str(told.get("source_sha256", "")),
            created_by=str(told.get("created_by", "")),
            copyright=str(told.get("copyright", "")),
            licence_text=str(told.get("licence_text", "")),
            redistributable=bool(told.get("redistributable", True)),
        )


def read_labels(path: str | Path) -> dict[str, str]:
    """`name`, `licence` and `source` of the file of a head model; the model is not read."""
    with h5py.File(path, "r") as file:
        return {name: str(file.attrs[name]) for name in ("name", "licence", "source")}


def schemes_beside(path: str | Path) -> list[Path]:
    """Files of landmark schemes that are read with a head model."""
    path = Path(path)
    return sorted(path.parent.glob(f"*_{path.stem}.json"))
