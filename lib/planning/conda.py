"""The conda environment of jobs, written from the lock so that both install the same versions.

pip takes either hashes for everything or for nothing. The lock has hashes and leaves PyTorch out,
whose builds differ; a conda environment names all packages at once, so that it has pins alone.
"""

from __future__ import annotations

import re
from pathlib import Path

PYTHON = "3.12"
TORCH = "torch==2.13.0"
PIN = re.compile(r"^([A-Za-z0-9._-]+==[^\s;\\]+)\s*(?:;\s*(.*?))?\s*\\?$", re.MULTILINE)
HEAD = f"""# For --sdm conda. Made from requirements.lock by `python -m lib.planning.document`.
channels:
  - conda-forge
dependencies:
  - python={PYTHON}
  - pip
  - pip:
      - {TORCH}
"""


def conda_environment(lock: str | Path) -> str:
    """The text of envs/visagraph.yaml.

    Args:
        lock: requirements.lock; lines for other systems and Python versions are left out.
    """
    from packaging.markers import Marker

    here = {
        "python_full_version": f"{PYTHON}.0",
        "python_version": PYTHON,
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "platform_system": "Linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    pins = (
        pin
        for pin, marker in PIN.findall(Path(lock).read_text(encoding="utf-8"))
        if not marker or Marker(marker).evaluate(here)
    )
    return HEAD + "".join(f"      - {pin}\n" for pin in pins)
