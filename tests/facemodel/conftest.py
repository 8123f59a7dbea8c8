"""Head models for the battery: the embedded one, and ICT-FaceKit where test data are given."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.facemodel import (
    FaceModel,
    assemble,
    load_face_model,
    read_face_model,
    skin_fields,
    write_face_model,
)
from lib.facemodel.converters import convert_model
from lib.facemodel.ict import ict_model, read_ict_development_copy
from tests.facemodel.facescape_files import SmallFaceScape, small_facescape, write_npz


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


@pytest.fixture(scope="session")
def few_skin_colours() -> Iterator[None]:
    """Converted heads take their skin modes from few people, which takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(skin_fields, "N_PEOPLE", 12)
        patch.setattr(assemble, "N_ALBEDO", 8)
        yield


@pytest.fixture(scope="session")
def small(makehuman: FaceModel) -> SmallFaceScape:
    return small_facescape(makehuman)


@pytest.fixture(scope="session")
def facescape(
    small: SmallFaceScape, few_skin_colours: None, tmp_path_factory: pytest.TempPathFactory
) -> FaceModel:
    folder = tmp_path_factory.mktemp("facescape")
    convert_model("facescape", write_npz(folder / "small.npz", small), folder / "facescape.h5")
    return read_face_model(folder / "facescape.h5")


@pytest.fixture(
    params=["makehuman", "facescape", pytest.param("ict", marks=pytest.mark.slow)],
)
def model(request: pytest.FixtureRequest) -> FaceModel:
    return request.getfixturevalue(request.param)


@pytest.fixture(
    params=["makehuman", pytest.param("ict", marks=pytest.mark.slow)],
)
def whole_model(request: pytest.FixtureRequest) -> FaceModel:
    """Models with all their modes, which vary as people do."""
    return request.getfixturevalue(request.param)
