"""The preset of the detail layer through the whole line, on files of its form, made up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from lib.artefacts import BatchReader, FaceFit, Regression, Surface
from lib.facemodel import load_face_model, write_face_model
from lib.facemodel.bfm import detail_layer_model, read_detail_layer
from lib.networks.detail_layer import DetailNetwork
from tests.coded import constant_coarse
from tests.facemodel.bfm_files import small_bfm
from tests.facemodel.detail_layer_files import landmarks86, write_detail_layer
from tests.runs import PROJECT, run

pytestmark = pytest.mark.slow
SMALL = {"texture": "{uv_size: 128}", "export": "{turntable_px: 64, overlay_side_px: 256}"}


@pytest.fixture
def folder(tmp_path):
    """A folder with resources, a photo, and a preset's files."""
    own = tmp_path / "resources"
    (own / "face_models").mkdir(parents=True)
    (own / "landmark_models").symlink_to(PROJECT / "resources/landmark_models")
    (tmp_path / "photos").mkdir()
    Image.fromarray(astronaut()).save(tmp_path / "photos/eileen.png")
    small = small_bfm(load_face_model("makehuman"))
    source = read_detail_layer(write_detail_layer(tmp_path / "bfm", small), landmarks86(small))
    model = detail_layer_model(source, "bfm09_53k")
    write_face_model(
        own / "face_models/bfm09_53k.h5", model, fixed_landmarks=tuple(source.bfm.landmarks)
    )
    weights = own / "weights/detail_layer"
    weights.mkdir(parents=True)
    size = model.n_identity + model.n_expression + model.n_albedo
    code = np.zeros(size + 33)
    code[-1] = -0.11  # about the size of a face in its square
    code[size + 3 : size + 30 : 9] = 2.2
    torch.save({"model": constant_coarse(model, code).network.state_dict()}, weights / "coarse.pt")
    torch.manual_seed(0)
    torch.save({"model": DetailNetwork((2,) * 10).state_dict()}, weights / "fine.pt")
    return tmp_path


def test_the_preset_runs_on_files_of_its_form(folder):
    config = {"preset": "detail_layer", "photos": "photos", "results": "out", **SMALL}
    snakefile = ("--snakefile", str(PROJECT / "Snakefile"))
    run(*snakefile, cwd=folder, **config).check()
    with BatchReader(folder / "out/b0001/regression.h5", Regression) as codes:
        assert codes["eileen"].system == "detail_layer"
    with BatchReader(folder / "out/b0001/fit.h5", FaceFit) as fits:
        assert fits["eileen"].method == "detail_layer"
    with BatchReader(folder / "out/b0001/surface.h5", Surface) as surfaces:
        surface = surfaces["eileen"]
    assert surface.confidence.max() > 0.9 and 0 < np.abs(surface.distance_mm).max() <= 1
    files = {path.name for path in (folder / "out/b0001/export/eileen/detail_layer").iterdir()}
    assert files == {"eileen.png", "eileen.ply", "eileen_fine.ply", "eileen_frames.json"}


def test_weights_that_are_not_there_are_told_before_any_job(folder):
    config = {"preset": "detail_layer", "photos": "photos", "results": "out", **SMALL}
    (folder / "resources/weights/detail_layer/fine.pt").unlink()
    failed = run("--snakefile", str(PROJECT / "Snakefile"), "-n", cwd=folder, **config)
    assert failed.returncode and "shading.weights is" in failed.text
