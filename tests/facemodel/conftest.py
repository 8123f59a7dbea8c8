"""Head models for the battery: the embedded one, and ICT-FaceKit where test data are given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib.facemodel import FaceModel, load_face_model, read_face_model, write_face_model
from lib.facemodel.ict import ict_model, read_ict_development_copy


@pytest.fixture(scope="session")
def makehuman() -> FaceModel:
    return load_face_model("makehuman")


@pytest.fixture(scope="session")
def ict_copy() -> Path:
    data = os.environ.get("VISAGRAPH_DATA")
    if not data:
        pytest.skip("VISAGRAPH_DATA is not set: no development copy of ICT-FaceKit")
    path = Path(data) / "models" / "ict_facekit_skin.h5"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return path


@pytest.fixture(scope="session")
def ict(ict_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> FaceModel:
    path = tmp_path_factory.mktemp("ict") / "ict.h5"
    write_face_model(path, ict_model(read_ict_development_copy(ict_copy)))
    return read_face_model(path)


@pytest.fixture(
    params=["makehuman", pytest.param("ict", marks=pytest.mark.slow)],
)
def model(request: pytest.FixtureRequest) -> FaceModel:
    return request.getfixturevalue(request.param)
