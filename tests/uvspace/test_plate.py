"""The thin plate nearest to weighted data."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lib.uvspace.plate import enlarged, laplace, thin_plate


def sparse(side: int, share: float, seed: int = 0) -> torch.Tensor:
    return (torch.rand(side, side, generator=torch.Generator().manual_seed(seed)) < share).float()


def ramp(side: int) -> torch.Tensor:
    y, x = np.mgrid[:side, :side] / side
    return torch.tensor(2 * x - y + 0.3, dtype=torch.float32)


EVERYWHERE = torch.ones(96, 96, dtype=torch.bool)


def test_a_ramp_comes_back_from_few_of_its_texels():
    """Away from the border, where the plate ends level."""
    found = thin_plate(ramp(96) * sparse(96, 0.08), sparse(96, 0.08), EVERYWHERE, 3.0, 400)
    inner = (slice(26, -26),) * 2
    np.testing.assert_allclose(found[inner], ramp(96)[inner], atol=0.01)


def test_what_has_no_weight_does_not_count():
    weight = sparse(96, 0.3)
    dirty = torch.where(weight > 0, ramp(96), torch.full((96, 96), 1e3))
    assert torch.equal(
        thin_plate(dirty, weight, EVERYWHERE, 3.0), thin_plate(ramp(96), weight, EVERYWHERE, 3.0)
    )


def test_it_is_the_minimum_of_its_energy():
    """The gradient of the dense energy is 0 where it answers."""
    side, length = 24, 1.7
    mask = torch.ones(side, side, dtype=torch.bool)
    mask[:7, 15:] = False
    chance = torch.Generator().manual_seed(3)
    data, weight = torch.rand(2, side, side, generator=chance).unbind(0)
    field = thin_plate(data, weight, mask, length, iterations=600).double().requires_grad_()
    right = (mask[:, :-1] & mask[:, 1:]).double()
    down = (mask[:-1] & mask[1:]).double()
    right = torch.nn.functional.pad(right, (0, 1))
    down = torch.nn.functional.pad(down, (0, 0, 0, 1))
    energy = (weight * (field - data).square())[mask].sum() + 1e-5 * field.square().sum()
    energy = energy + length**4 * laplace(field, right, down)[mask].square().sum()
    energy.backward()
    assert field.grad[mask].abs().max() < 2e-3
    assert not field[~mask].any()


def test_two_islands_do_not_know_of_each_other():
    mask = EVERYWHERE.clone()
    mask[:, 46:48] = False
    weight = sparse(96, 0.5)
    data = torch.where(torch.arange(96) < 46, 1.0, 500.0).expand(96, 96)
    other = torch.where(torch.arange(96) < 46, 1.0, -20.0).expand(96, 96)
    start = torch.zeros(96, 96)
    found = thin_plate(data, weight, mask, 3.0, 300, start)
    np.testing.assert_allclose(found[:, :46], 1.0, atol=0.02)
    np.testing.assert_allclose(found[:, 48:], 500, rtol=5e-3)
    coarse = thin_plate(other, weight, mask, 3.0, 300)
    np.testing.assert_allclose(coarse[:, :46], 1.0, atol=0.02)


def test_far_from_all_data_it_dies_out():
    weight = torch.zeros(160, 160)
    weight[:, :20] = 1
    mask = torch.ones(160, 160, dtype=torch.bool)
    found = thin_plate(torch.full((160, 160), 4.0), weight, mask, 1.0, 600)
    np.testing.assert_allclose(found[:, :18], 4, atol=0.05)
    assert found[:, 26].min() > 3.0  # carried on at first
    assert found[:, 110:].abs().max() < 0.1


def test_where_it_starts_does_not_matter_once_it_has_settled():
    weight, data = sparse(96, 0.4), ramp(96) + 0.3 * torch.sin(torch.arange(96) / 5.0)
    coarse = thin_plate(data, weight, EVERYWHERE, 2.5, 400)
    chance = torch.randn(96, 96, generator=torch.Generator().manual_seed(9))
    for start in (torch.zeros(96, 96), chance):
        np.testing.assert_allclose(
            thin_plate(data, weight, EVERYWHERE, 2.5, 400, start), coarse, atol=2e-3
        )


def test_a_coarse_start_is_most_of_the_way():
    weight, data = sparse(192, 0.1), ramp(192)
    mask = torch.ones(192, 192, dtype=torch.bool)
    settled = thin_plate(data, weight, mask, 4.0, 1000)
    coarse = (thin_plate(data, weight, mask, 4.0) - settled).abs().mean()
    none = (thin_plate(data, weight, mask, 4.0, 60, torch.zeros(192, 192)) - settled).abs().mean()
    assert coarse < 0.01 and coarse < 0.02 * none


def test_longer_plates_smooth_longer_ripples():
    wave = torch.sin(torch.arange(96) * (2 * np.pi / 16)).expand(96, 96)
    left = [
        thin_plate(wave, torch.ones(96, 96), EVERYWHERE, length, 300)[20:-20, 20:-20].std()
        / wave[20:-20, 20:-20].std()
        for length in (0.5, 16 / (2 * np.pi), 8.0)
    ]
    assert left[0] > 0.95 and left[2] < 0.05
    assert left[1] == pytest.approx(0.5, abs=0.03)  # 2 pi length: half of it is left


@pytest.mark.parametrize("shape", [(65, 97), (64, 131), (20, 20)])
def test_sides_of_any_length_do(shape):
    weight, mask = torch.ones(shape), torch.ones(shape, dtype=torch.bool)
    found = thin_plate(torch.full(shape, 2.0), weight, mask, 2.0)
    assert found.shape == shape
    np.testing.assert_allclose(found, 2, atol=0.01)


def test_without_data_it_is_flat():
    nothing = torch.zeros(96, 96)
    assert not thin_plate(ramp(96), nothing, EVERYWHERE, 3.0).any()
    assert not thin_plate(ramp(96), nothing + 1, ~EVERYWHERE, 3.0).any()


def test_enlarging_keeps_a_ramp_up_to_the_border():
    mask = torch.zeros(32, 32, dtype=torch.bool)
    mask[4:28, 4:28] = True
    field = torch.where(mask, ramp(32), torch.full((32, 32), 99.0))
    wanted = ramp(64) - 0.5 / 64 * (2 - 1)
    found = enlarged(field, mask, (64, 64))
    inner = (slice(10, 54),) * 2
    np.testing.assert_allclose(found[inner], wanted[inner], atol=1e-4)
    edge = (slice(8, 56),) * 2
    np.testing.assert_allclose(found[edge], wanted[edge], atol=0.06)


def test_any_number_of_threads_gives_the_same_bits():
    chance = torch.Generator().manual_seed(0)
    data, weight = torch.rand(2, 256, 256, generator=chance).unbind(0)
    mask = torch.ones(256, 256, dtype=torch.bool)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(thin_plate(data, weight, mask, 2.0, 12))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
