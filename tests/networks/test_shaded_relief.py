"""Our shading network: a part of the chart reads like the whole, and its file comes back."""

import pytest
import torch

from lib.errors import MissingModelError
from lib.networks.checkpoints import CheckpointError
from lib.networks.shaded_relief import (
    LEAST_SLOPE,
    MOST_LOG_SLOPE,
    N_PLANES,
    ShadedRelief,
    ShadedReliefOptions,
    load_shaded_relief,
    packed,
)

SMALL = ShadedReliefOptions(widths=(4, 6, 8), middle=1)


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = ShadedRelief(SMALL)
    for layer in (made.head, made.smooth):
        torch.nn.init.normal_(layer.weight, std=0.5)
    return made.eval()


def planes(rows, columns, count=1):
    return torch.randn(count, N_PLANES, rows, columns, generator=torch.Generator().manual_seed(1))


def test_it_begins_with_no_relief():
    found = ShadedRelief(SMALL)(planes(16, 24))
    assert not found.height.any()
    assert found.height.shape == found.log_slope.shape == (1, 16, 24)


@torch.no_grad()
def test_a_part_of_the_chart_reads_like_the_whole(network):
    whole = planes(96, 96)
    part = network(whole[..., 16:80, 24:88])
    for name, value in network(whole)._asdict().items():
        inner = value[:, 16:80, 24:88][:, 24:40, 24:40]
        torch.testing.assert_close(
            part._asdict()[name][:, 24:40, 24:40], inner, atol=1e-4, rtol=1e-3
        )


@torch.no_grad()
def test_the_correction_of_the_base_is_smooth_and_deviations_are_within_their_range(network):
    found = network(50 * planes(64, 64))
    assert found.log_slope.min() >= LEAST_SLOPE and found.log_slope.max() <= MOST_LOG_SLOPE

    def roughness(value):
        return float(value.diff(n=2).square().mean() / value.square().mean())

    assert roughness(found.middle) < 0.5 * roughness(found.resting)


def test_a_file_comes_back_with_the_size_of_its_network(network, tmp_path):
    torch.save(packed(network), tmp_path / "relief.pt")
    loaded = load_shaded_relief(tmp_path / "relief.pt")
    assert loaded.options == SMALL and loaded.multiple == 4
    torch.testing.assert_close(loaded(planes(8, 8)).height, network(planes(8, 8)).height)


def test_a_missing_file_and_other_weights_are_refused(network, tmp_path):
    with pytest.raises(MissingModelError, match=r"gone\.pt'.*train_shading"):
        load_shaded_relief(tmp_path / "gone.pt")
    torch.save({"model": network.state_dict()}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"other\.pt holds no network of train_shading"):
        load_shaded_relief(tmp_path / "other.pt")
