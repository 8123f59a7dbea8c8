"""Head models that a run needs and that only its user can have."""

from __future__ import annotations

from pathlib import Path

from lib.errors import MissingModelError

FOLDER = Path("resources/face_models")
MADE_BY_RULES = ("makehuman_rebuilt",)


def check_model(name: str) -> None:
    """Raise where a run cannot begin for want of its head model.

    Args:
        name: `face_model` of the settings, not `makehuman`.

    Raises:
        MissingModelError: its file is not there and no rule makes it; the message says what to do.
    """
    file = FOLDER / f"{name}.h5"
    if name not in MADE_BY_RULES and not file.is_file():
        raise MissingModelError(
            f"face_model is '{name}', but {file} is not there. It is made of files that you must "
            f"have: docs/face_models.md says which, under what licence, and what to run. "
            "`face_model: makehuman` ships with this project."
        )
