"""Head models by name or file."""

from __future__ import annotations

from pathlib import Path

from lib.errors import MissingModelError
from lib.facemodel.model import FaceModel
from lib.facemodel.schema import read_face_model

DATA = Path(__file__).parent / "data"
DEFAULT_MODEL = "makehuman"
RESOURCES = Path("resources/face_models")
COMMANDS = {  # what makes the file of a name
    "ict": "python -m lib.facemodel convert-ict CHECKOUT",
    "bfm09": "python -m lib.facemodel convert-bfm09 FOLDER_OR_FILE",
    "bfm3ddfa": "python -m lib.facemodel convert-bfm3ddfa FILE",
    "bfm09_53k": "python -m lib.facemodel convert-bfm09_53k FOLDER",
    "bfm2017": "python -m lib.facemodel convert-bfm2017 FILE",
    "bfm2019": "python -m lib.facemodel convert-bfm2019 FILE",
    "facescape": "python -m lib.facemodel convert-facescape FILE_OR_FOLDER",
    "flame": "python -m lib.facemodel convert-flame FOLDER",
}


def face_model_file(name_or_path: str) -> Path:
    """The file of a model: `makehuman` ships with the project, other names lie in resources.

    Raises:
        MissingModelError: there is no such file; the message says where to get it.
    """
    if name_or_path == DEFAULT_MODEL:
        return DATA / "makehuman.h5"
    path = Path(name_or_path)
    if path.suffix in (".h5", ".hdf5"):
        if path.is_file():
            return path
        raise MissingModelError(
            f"face model {name_or_path}: no such file. Use `makehuman`, which ships with this "
            "project, or convert a model that you have: see docs/face_models.md."
        )
    path = RESOURCES / f"{name_or_path}.h5"
    if path.is_file():
        return path
    made_by = COMMANDS.get(name_or_path)
    how = f"`{made_by}`, " if made_by else ""
    raise MissingModelError(
        f"face model '{name_or_path}': {path} is not there. Use `makehuman`, which ships with "
        f"this project, give the path of a .h5 file, or convert a model that you have: {how}"
        "see docs/face_models.md."
    )


def load_face_model(name_or_path: str) -> FaceModel:
    """A head model by name (`makehuman`, `ict`, ...) or by the path of a file in this layout.

    Raises:
        MissingModelError: it is not there; the message says what to do.
        ConfigError: the file is not a model in this layout.
    """
    return read_face_model(face_model_file(name_or_path))
