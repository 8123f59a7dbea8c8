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
from tests.facemodel import flame_files
from tests.facemodel.bfm_files import SmallBfm, small_bfm, write_face_model_npy, write_folder
from tests.facemodel.facescape_files import SmallFaceScape, small_facescape, write_npz
from tests.facemodel.flame_files import SmallFlame, small_flame
from tests.facemodel.statismo_files import write_statismo

NAMELESS = (
    "bfm09",
    "bfm3ddfa",
    "bfm2019",
    "flame",
)  # converted models whose expressions are N(0, 1)


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


@pytest.fixture(scope="session")
def small_basel(makehuman: FaceModel) -> SmallBfm:
    return small_bfm(makehuman)


@pytest.fixture(scope="session")
def bfm09(small_basel: SmallBfm, tmp_path_factory: pytest.TempPathFactory) -> FaceModel:
    folder = tmp_path_factory.mktemp("bfm")
    convert_model("bfm09", write_folder(folder / "BFM", small_basel), folder / "bfm09.h5")
    return read_face_model(folder / "bfm09.h5")


@pytest.fixture(scope="session")
def bfm3ddfa_file(small_basel: SmallBfm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bfm3ddfa")
    source = write_face_model_npy(folder / "face_model.npy", small_basel)
    convert_model("bfm3ddfa", source, folder / "bfm3ddfa.h5")
    return folder / "bfm3ddfa.h5"


@pytest.fixture(scope="session")
def bfm3ddfa(bfm3ddfa_file: Path) -> FaceModel:
    return read_face_model(bfm3ddfa_file)


@pytest.fixture(scope="session")
def bfm2019(
    makehuman: FaceModel, small_basel: SmallBfm, tmp_path_factory: pytest.TempPathFactory
) -> FaceModel:
    folder = tmp_path_factory.mktemp("bfm2019")
    source = write_statismo(folder / "model2019_face12.h5", small_basel.face, makehuman)
    convert_model("bfm2019", source, folder / "bfm2019.h5")
    return read_face_model(folder / "bfm2019.h5")


@pytest.fixture(scope="session")
def small_flame_files(makehuman: FaceModel, small_basel: SmallBfm) -> SmallFlame:
    return small_flame(small_basel.face, makehuman)


@pytest.fixture(scope="session")
def flame_folder(small_flame_files: SmallFlame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flame_files.write_folder(tmp_path_factory.mktemp("flame") / "FLAME", small_flame_files)


@pytest.fixture(scope="session")
def flame(flame_folder: Path, few_skin_colours: None) -> FaceModel:
    convert_model("flame", flame_folder, flame_folder.parent / "flame.h5")
    return read_face_model(flame_folder.parent / "flame.h5")


@pytest.fixture(
    params=["makehuman", "facescape", *NAMELESS, pytest.param("ict", marks=pytest.mark.slow)],
)
def model(request: pytest.FixtureRequest) -> FaceModel:
    return request.getfixturevalue(request.param)


@pytest.fixture(
    params=["makehuman", "facescape", pytest.param("ict", marks=pytest.mark.slow)],
)
def named_model(request: pytest.FixtureRequest) -> FaceModel:
    """Models whose expressions have ARKit's names."""
    return request.getfixturevalue(request.param)


@pytest.fixture(
    params=["makehuman", pytest.param("ict", marks=pytest.mark.slow)],
)
def whole_model(request: pytest.FixtureRequest) -> FaceModel:
    """Models with all their modes, which vary as people do."""
    return request.getfixturevalue(request.param)
