"""What jobs inherit from the process that plans them."""

from __future__ import annotations

import os
from pathlib import Path


def share_library(project: Path) -> None:
    """Let scripts, which run in processes of their own, import `lib`."""
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(project) not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(project), *known]))
