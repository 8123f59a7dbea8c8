"""Regressors as ONNX files: another runtime gives the same codes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from lib.networks.regressor import CodeLayout, CoefficientRegressor
from lib.regression.__main__ import main
from lib.regression.onnx import export_onnx


def network_of(backbone, **changes):
    torch.manual_seed(0)
    network = CoefficientRegressor(backbone, **changes).eval()
    for head in network.final_layers:
        torch.nn.init.normal_(head.weight, std=0.05)
        torch.nn.init.normal_(head.bias)
    return network


@pytest.mark.parametrize("backbone", ["mobilenet_v3", "resnet18"])
def test_opencv_reads_the_file_and_says_the_same(tmp_path, backbone):
    network = network_of(backbone)
    export_onnx(network, tmp_path / "net.onnx")
    image = np.random.default_rng(0).random((2, 3, 224, 224), np.float32)
    other = cv2.dnn.readNetFromONNX(str(tmp_path / "net.onnx"))
    other.setInput(image, "image")
    with torch.no_grad():
        expected = network(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(other.forward("code"), expected, rtol=1e-3, atol=1e-3)


def test_a_network_of_small_crops_takes_small_crops(tmp_path):
    network = network_of("mobilenet_v3", layout=CodeLayout(5, 4, 3), input_px=112)
    export_onnx(network, tmp_path / "net.onnx")
    other = cv2.dnn.readNetFromONNX(str(tmp_path / "net.onnx"))
    image = np.random.default_rng(0).random((1, 3, 112, 112), np.float32)
    other.setInput(image)
    with torch.no_grad():
        expected = network(torch.from_numpy(image)).numpy()
    assert expected.shape == (1, 45)
    np.testing.assert_allclose(other.forward(), expected, rtol=1e-3, atol=1e-3)


def test_the_command_tells_what_it_wrote(tmp_path, capsys):
    torch.save({"net_recon": network_of("resnet18").state_dict()}, tmp_path / "net.pth")
    assert main(["export-onnx", str(tmp_path / "net.pth"), str(tmp_path / "out/net.onnx")]) == 0
    assert "ResNet, " in capsys.readouterr().out
    assert (tmp_path / "out/net.onnx").stat().st_size > 4e7
    assert main(["show", str(tmp_path / "none.pth")]) == 1
    assert "is not there" in capsys.readouterr().err
