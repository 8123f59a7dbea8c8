"""The loss between unnamed point sets: distances, their gradient, what is left out."""

import numpy as np
import pytest
import torch

from lib.errors import ShapeError
from lib.fitting import part_distance
from lib.fitting.part_distance import (
    anchor_grid,
    farthest_points,
    mask_points,
    part_descriptor,
    part_distance_loss,
    part_targets,
)

SIZE = (24, 32)


@pytest.fixture
def chance():
    return np.random.default_rng(0)


def cloud(chance, count, middle=(12.3, 9.1)):
    return torch.tensor(chance.normal(middle, (5.0, 3.0), (count, 2)), dtype=torch.float64)


def test_an_anchor_stands_on_every_pixel_or_on_a_centred_thin_grid():
    full = anchor_grid((3, 4))
    np.testing.assert_array_equal(full[:5], [[0, 0], [1, 0], [2, 0], [3, 0], [0, 1]])
    assert len(full) == 12
    thin = anchor_grid((224, 224), 8)
    assert thin.shape == (28 * 28, 2)
    np.testing.assert_allclose(thin.mean(axis=0), 111.5)
    np.testing.assert_allclose(thin[1] - thin[0], [8, 0])


def test_the_descriptor_holds_farthest_nearest_and_mean_distance(chance):
    points, anchors = cloud(chance, 40), torch.tensor(anchor_grid(SIZE, 3))
    away = np.linalg.norm(points.numpy()[None] - anchors.numpy()[:, None], axis=2)
    expected = np.stack([away.max(1), away.min(1), away.mean(1)], axis=1)
    np.testing.assert_allclose(part_descriptor(points, anchors).numpy(), expected, atol=1e-12)


def test_equal_sets_in_any_order_lose_nothing_and_a_moved_one_does(chance):
    points, anchors = cloud(chance, 40), anchor_grid(SIZE, 2)
    targets = part_targets([points.numpy()], anchors)
    assert part_distance_loss([points.flip(0)], targets, [1.0]) < 1e-20
    losses = [float(part_distance_loss([points + d], targets, [1.0])) for d in (0.5, 1.0, 2.0)]
    assert 0 < losses[0] < losses[1] < losses[2]


def test_the_loss_is_the_papers_sum_over_anchors_by_their_number(chance):
    points, target = cloud(chance, 30), cloud(chance, 50, (20, 14))
    anchors = torch.tensor(anchor_grid(SIZE))
    gamma = part_descriptor(points, anchors) - part_descriptor(target, anchors)
    expected = 2.5 * (gamma**2).sum() / (SIZE[0] * SIZE[1])
    found = part_distance_loss([points], part_targets([target.numpy()], anchors.numpy()), [2.5])
    torch.testing.assert_close(found, expected)


def test_gradients_are_those_of_differences(chance):
    anchors = anchor_grid(SIZE, 5)
    targets = part_targets([cloud(chance, 30).numpy(), cloud(chance, 9).numpy()], anchors)
    one, two = cloud(chance, 12).requires_grad_(), cloud(chance, 7).requires_grad_()

    def loss(a, b):
        return part_distance_loss([a, b], targets, [1.0, 0.3])

    assert torch.autograd.gradcheck(loss, (one, two), eps=1e-6, atol=1e-7)


def test_the_nearest_point_is_pulled_as_the_paper_says(chance):
    points, target = cloud(chance, 12).requires_grad_(), cloud(chance, 9, (18, 15))
    anchor = torch.tensor([[7.0, 11.0]], dtype=torch.float64)
    for function, pick in ((part_distance.FARTHEST, "argmax"), (part_distance.NEAREST, "argmin")):
        true = part_descriptor(target, anchor)[0, function]
        energy = (part_descriptor(points, anchor)[0, function] - true) ** 2
        (slope,) = torch.autograd.grad(energy, points)
        away = (points - anchor).norm(dim=1)
        row = int(getattr(away, pick)())
        expected = torch.zeros_like(slope)
        # the closed form: -dE/dv = 2 (v - a) (d_target / d_predicted - 1)
        expected[row] = -2 * (points[row] - anchor[0]) * (true / away[row] - 1)
        torch.testing.assert_close(slope, expected.detach())


def test_a_point_on_an_anchor_has_a_finite_gradient():
    points = torch.tensor([[5.0, 5.0], [9.0, 5.0]], dtype=torch.float64, requires_grad=True)
    targets = part_targets([np.array([[6.0, 6.0]])], np.array([[5.0, 5.0]]))
    part_distance_loss([points], targets, [1.0]).backward()
    assert torch.isfinite(points.grad).all()


def test_a_part_that_the_target_lacks_weighs_nothing(chance):
    anchors = anchor_grid(SIZE, 4)
    here = cloud(chance, 30)
    points = cloud(chance, 12).requires_grad_()
    targets = part_targets([here.numpy(), np.zeros((0, 2))], anchors)
    both = part_distance_loss([here, points], targets, [1.0, 1.0])
    assert both == 0
    assert torch.autograd.grad(both + 0 * points.sum(), points)[0].abs().max() == 0


def test_points_that_do_not_count_are_as_if_they_were_not_there(chance):
    anchors = anchor_grid(SIZE, 4)
    targets = part_targets([cloud(chance, 30).numpy()], anchors)
    points = cloud(chance, 12)
    counts = torch.arange(12) < 8
    one = part_distance_loss([points], targets, [1.0], [counts])
    assert one == part_distance_loss([points[:8]], targets, [1.0])
    assert part_distance_loss([points], targets, [1.0], [torch.zeros(12, dtype=torch.bool)]) == 0


def test_a_batch_gives_the_losses_of_its_images(chance):
    anchors = anchor_grid(SIZE, 4)
    sets = [cloud(chance, 20) for _ in range(2)]
    each = [part_targets([cloud(chance, 30).numpy()], anchors) for _ in range(2)]
    batch = part_distance.PartTargets(
        each[0].anchors,
        torch.stack([t.descriptors for t in each]),
        torch.stack([t.present for t in each]),
    )
    together = part_distance_loss([torch.stack(sets)], batch, [1.0])
    alone = [part_distance_loss([s], t, [1.0]) for s, t in zip(sets, each)]
    torch.testing.assert_close(together, torch.stack(alone))


def test_pieces_give_what_one_piece_gives(chance, monkeypatch):
    points, anchors = cloud(chance, 50).requires_grad_(), torch.tensor(anchor_grid(SIZE, 2))
    whole = part_descriptor(points, anchors)
    (slope,) = torch.autograd.grad(whole.square().sum(), points)
    monkeypatch.setattr(part_distance, "MOST_DISTANCES", 500)
    cut = part_descriptor(points, anchors)
    (cut_slope,) = torch.autograd.grad(cut.square().sum(), points)
    torch.testing.assert_close(cut, whole)
    torch.testing.assert_close(cut_slope, slope)


def test_descent_brings_a_blob_onto_another_of_other_points(chance):
    mask = np.zeros(SIZE, bool)
    mask[12:18, 14:26] = True
    targets = part_targets([mask_points(mask)], anchor_grid(SIZE, 2))
    start = cloud(chance, 40, (8, 6))
    points = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([points], 0.3)
    for _ in range(200):
        optimiser.zero_grad()
        part_distance_loss([points], targets, [1.0]).backward()
        optimiser.step()
    low, high = points.detach().min(0).values, points.detach().max(0).values
    torch.testing.assert_close(low, torch.tensor([14.0, 12.0]).double(), atol=0.7, rtol=0)
    torch.testing.assert_close(high, torch.tensor([25.0, 17.0]).double(), atol=0.7, rtol=0)


def test_farthest_points_spread(chance):
    points = chance.random((4000, 2))
    chosen = farthest_points(points, 100)
    assert len(np.unique(chosen)) == 100
    away = np.linalg.norm(points[chosen][:, None] - points[chosen][None], axis=2)
    gap = (away + 9 * np.eye(100)).min()
    random = np.linalg.norm(points[:100][:, None] - points[None, :100], axis=2)
    assert gap > 0.07 > 5 * (random + 9 * np.eye(100)).min()
    np.testing.assert_array_equal(farthest_points(points[:7], 100), np.arange(7))


def test_wrong_shapes_are_refused(chance):
    anchors = torch.tensor(anchor_grid(SIZE, 8))
    with pytest.raises(ShapeError, match=r"points has shape \(0, 2\)"):
        part_descriptor(torch.zeros(0, 2), anchors)
    with pytest.raises(ShapeError, match=r"predicted, weights has shape \(1, 2\)"):
        part_distance_loss(
            [cloud(chance, 3)], part_targets([np.zeros((1, 2))], anchors), [1.0, 2.0]
        )
