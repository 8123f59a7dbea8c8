"""Where a head comes from: photos, software, models, networks, licences, settings and its files."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import lib
from lib.artefacts import ARTEFACTS, EXPORT_VERSION, Capture, digest
from lib.export.licences import licence_summary
from lib.export.tables import write_json
from lib.facemodel import face_model_file, read_labels, read_provenance, schemes_beside
from lib.networks import weight_origin
from lib.planning.provenance import SHIPPED, Stage, plain, shown_path

PROVENANCE = "provenance.json"
# Packages that compute; those that are not installed took no part.
PACKAGES = (
    *("numpy", "scipy", "numba", "h5py", "opencv-python-headless", "opencv-python", "pillow"),
    *("torch", "nvdiffrast", "dlib-bin", "pycolmap", "onnxruntime"),
)


def origins(face_model: str, stages: list[Stage]) -> dict[str, Any]:
    """What heads of one batch, or of one run, have in common.

    Args:
        face_model: name or file of the head model.
        stages: of `lib.planning.provenance.head_stages`.

    Returns:
        `licences`, `software`, `head_model`, `networks` and `stages`. No time, no name of a
        machine or user, and no folder outside the working folder: the same run says the same.

    Raises:
        MissingModelError: the head model or a network is not there.
    """
    model = _head_model(face_model)
    networks = [_network(stage["artefact"], file) for stage in stages for file in stage["weights"]]
    parts = [(each["name"], each["licence"]) for each in (model, *networks)]
    return {
        "licences": licence_summary(parts),
        "software": software(),
        "head_model": model,
        "networks": networks,
        "stages": [
            {
                "artefact": stage["artefact"],
                "version": _version(stage["artefact"]),
                "settings": stage["settings"],
            }
            for stage in stages
        ],
    }


def software() -> dict[str, str]:
    """Versions of this project, of Python and of the installed packages that compute."""
    result = {"visagraph": lib.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            result[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return result


def photo_table(path: tuple[str, ...], sha256: tuple[str, ...], view: tuple[str, ...]) -> list[Any]:
    """View, file and hash of each photo of a capture."""
    return [
        {"view": name, "file": shown_path(file), "sha256": found}
        for name, file, found in zip(view, path, sha256, strict=True)
    ]


def write_provenance(folder: Path, name: str, capture: Capture, common: dict[str, Any]) -> None:
    """Write `provenance.json` of a head whose other files are complete, with their hashes.

    Args:
        folder: of the head.
        name: of the head's capture.
        capture: its photos.
        common: of `origins`.
    """
    files = {
        file.relative_to(folder).as_posix(): digest(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file != folder / PROVENANCE
    }
    told = {"capture": name, **common}
    told["photos"] = photo_table(capture.path, capture.sha256, capture.view)
    write_json(folder / PROVENANCE, told | {"files": files})


def _head_model(name_or_path: str) -> dict[str, Any]:
    path = face_model_file(name_or_path)
    told, origin = read_labels(path), read_provenance(path)
    return {
        "name": told["name"],
        "file": path.name,
        "sha256": digest(path),
        "licence": told["licence"],
        "copyright": origin.copyright,
        "may_be_passed_on": origin.redistributable,
        "source": plain(told["source"]),
        "source_sha256": origin.source_sha256,
        "landmark_schemes": {file.name: digest(file) for file in schemes_beside(path)},
    }


def _network(artefact: str, file: str) -> dict[str, Any]:
    project = Path(lib.__file__).parents[1]
    origin = weight_origin(project / file if file in SHIPPED.values() else file)
    return {
        "artefact": artefact,
        "name": origin.name,
        "file": shown_path(file),
        "sha256": origin.sha256,
        "licence": origin.licence,
        "source": plain(origin.source),
    }


def _version(artefact: str) -> int:
    return EXPORT_VERSION if artefact == "export" else ARTEFACTS[artefact].version
