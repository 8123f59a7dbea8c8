"""Fits by a network through the whole line: presets by name, any head model, rows for failures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from lib.artefacts import BatchReader, FaceFit, Regression
from lib.facemodel import load_face_model
from lib.facemodel.converters import convert_model
from lib.networks.regressor import CodeLayout, CoefficientRegressor
from lib.report.status import read_status
from tests.coded import constant_network
from tests.facemodel.bfm_files import small_bfm, write_folder
from tests.runs import PROJECT, run

pytestmark = pytest.mark.slow
SMALL = {"texture": "{uv_size: 128}", "export": "{turntable_px: 64, overlay_side_px: 256}"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A face, and a photo without one."""
    folder = tmp_path_factory.mktemp("photos")
    Image.fromarray(astronaut()).save(folder / "eileen.png")
    Image.fromarray(np.full((300, 300, 3), 90, np.uint8)).save(folder / "wall.png")
    return folder


def outcomes(results):
    return {(row.capture, row.stage): row.outcome for row in read_status(results / "status.tsv")}


def test_a_network_for_the_default_head_makes_a_head(photos, tmp_path):
    model = load_face_model("makehuman")
    size = model.n_identity + model.n_expression + model.n_albedo + 33
    network = constant_network(model, np.zeros(size))
    torch.save({"net_recon": network.state_dict()}, tmp_path / "net.pth")
    config = {
        "photos": photos,
        "results": tmp_path / "out",
        "regression": f"{{weights: {tmp_path / 'net.pth'}}}",
        **SMALL,
    }
    run(fit="{method: learned}", **config).check()
    found = outcomes(tmp_path / "out")
    assert found["eileen", "fit"] == "ok" and found["wall", "detect"] == "no_face"
    with BatchReader(tmp_path / "out/b0001/fit.h5", FaceFit) as fits:
        fit = fits["eileen"]
    assert fit.method == "learned" and not fit.identity.any()  # the mean face, as the network says
    assert (tmp_path / "out/b0001/export/eileen/head.glb").is_file()
    again = run(fit="{method: learned, refine: true}", **config).check()
    assert "regress_coefficients" not in again.jobs and "fit_face_model" in again.jobs
    with BatchReader(tmp_path / "out/b0001/fit.h5", FaceFit) as fits:
        refined = fits["eileen"]
    assert refined.identity.any() and np.isfinite(refined.vertex_sigma_mm).all()
    assert refined.reprojection_px[0] < fit.reprojection_px[0]


def test_the_preset_of_deep3d_runs_on_files_of_its_form(photos, tmp_path):
    """Head model, checkpoint and files in the published layout, with made-up numbers."""
    small = small_bfm(load_face_model("makehuman"))
    own = tmp_path / "resources"
    own.mkdir()
    (own / "landmark_models").symlink_to(PROJECT / "resources/landmark_models")
    file = own / "face_models/bfm09.h5"
    convert_model("bfm09", write_folder(tmp_path / "bfm", small), file)
    model = load_face_model(str(file))
    layout = CodeLayout(model.n_identity, model.n_expression, model.n_albedo)
    network = CoefficientRegressor("resnet50", layout)
    torch.save({"net_recon": network.state_dict(), "opt_00": {}}, tmp_path / "epoch_20.pth")
    run(
        "--snakefile",
        str(PROJECT / "Snakefile"),
        cwd=tmp_path,
        preset="deep3d",
        photos=photos,
        results="out",
        regression=f"{{weights: {tmp_path / 'epoch_20.pth'}}}",
        **SMALL,
    ).check()
    with BatchReader(tmp_path / "out/b0001/regression.h5", Regression) as codes:
        code = codes["eileen"]
        assert codes.captures == ("eileen",)
    crop = code.crop(0)
    assert all(float(v).is_integer() for v in (*crop.resized, *crop.corner))  # as published
    with BatchReader(tmp_path / "out/b0001/fit.h5", FaceFit) as fits:
        assert fits["eileen"].method == "deep3d"
    files = {path.name for path in (tmp_path / "out/b0001/export/eileen/deep3d").iterdir()}
    assert {"eileen.mat", "eileen.obj", "eileen.png", "eileen_frames.json"} <= files
    picture = np.asarray(Image.open(tmp_path / "out/b0001/export/eileen/deep3d/eileen.png"))
    assert picture.shape == (224, 672, 3)


def test_a_preset_that_is_none_is_refused_by_name(photos, tmp_path):
    failed = run("-n", preset="deep4d", photos=photos, results=tmp_path / "out")
    assert (
        failed.returncode and "preset is 'deep4d', expected one of 3ddfa_v3, deep3d" in failed.text
    )
