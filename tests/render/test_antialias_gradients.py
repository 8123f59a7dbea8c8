"""`antialias` of the four primitives: gradients against differences, and equal bytes."""

import numpy as np
import pytest
import torch

from lib.render.differentiable import rasterise
from lib.render.differentiable.antialias import SLACK_PX, _blend_by_tensors, antialias
from lib.render.differentiable.outlines import find_pairs
from lib.render.differentiable.topology import edge_table
from tests.render.outline_scenes import RULES, SCENES, head, mask_of, scene

# Gradients against differences -------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", SCENES)
def test_gradients_equal_differences(name, rule):
    clip, triangles, size = scene(name)
    table, rng = edge_table(triangles), torch.Generator().manual_seed(3)
    raster = rasterise(clip, triangles, size)
    shape = (1, *size, 2)
    colour = torch.rand(shape, generator=rng, dtype=torch.float64)
    weight = torch.rand(shape, generator=rng, dtype=torch.float64)

    def loss(colour, clip):
        return (weight * antialias(colour, raster, clip, triangles, table, rule)).sum()

    def pairs(clip):
        (found,) = find_pairs(clip.numpy(), raster.packed.numpy(), table, rule)
        slack = SLACK_PX[rule]
        piece = np.digitize(found.crossing, [-slack, 0.5, 1 + slack])
        return np.column_stack([found.pixels, found.edge, piece])

    inputs = colour.clone().requires_grad_(), clip.clone().requires_grad_()
    to_colour, to_clip = torch.autograd.grad(loss(*inputs), inputs)
    step, tried = 3e-7, 0
    for _ in range(20):
        way = torch.randn(clip.shape, generator=rng, dtype=torch.float64) * clip[..., 3:].abs()
        way[..., 2] = 0  # which surface is in front carries no gradient
        before, after = clip - step * way, clip + step * way
        if tried == 3 or not np.array_equal(pairs(before), pairs(after)):
            continue
        tried += 1
        # The sum over all pixels that no outline reaches would drown the difference in rounding.
        changed = weight * (
            antialias(colour, raster, after, triangles, table, rule)
            - antialias(colour, raster, before, triangles, table, rule)
        )
        difference = float(changed.sum()) / (2 * step)
        assert abs(difference - float((to_clip * way).sum())) < 1e-6 * abs(difference) + 1e-9
    assert tried == 3 and len(pairs(clip)) > 0
    way = torch.randn(shape, generator=rng, dtype=torch.float64)
    difference = float(loss(colour + way, clip) - loss(colour - way, clip)) / 2
    np.testing.assert_allclose(float((to_colour * way).sum()), difference, rtol=1e-9)


@pytest.mark.parametrize("rule", RULES)
def test_tensor_operations_give_the_same_blend_and_gradients(rule):
    clip, triangles, size = scene("soup")
    clip = torch.cat([clip, clip.flip(1)])
    table, raster = edge_table(triangles), rasterise(clip, triangles, size)
    pairs = find_pairs(clip.numpy(), raster.packed.numpy(), table, rule)
    colour = torch.rand(2, *size, 3, dtype=torch.float64)
    weight = torch.rand_like(colour)
    results = []
    for tensors in (False, True):
        inputs = colour.clone().requires_grad_(), clip.clone().requires_grad_()
        if tensors:
            value = _blend_by_tensors(*inputs, pairs, table, SLACK_PX[rule], 2.0)
        else:
            value = antialias(inputs[0], raster, inputs[1], triangles, table, rule, 2.0)
        results.append((value, *torch.autograd.grad((weight * value).sum(), inputs)))
    for compiled, plain in zip(*results):
        torch.testing.assert_close(compiled, plain, rtol=1e-10, atol=1e-10)


def test_gradient_boost_scales_the_gradient_of_positions_alone():
    clip, triangles, size = scene("ellipsoid")
    raster = rasterise(clip, triangles, size)
    gradients = []
    for boost in (1.0, 3.0):
        inputs = mask_of(raster).requires_grad_(), clip.clone().requires_grad_()
        value = antialias(inputs[0], raster, inputs[1], triangles, gradient_boost=boost)
        gradients.append(torch.autograd.grad((value**2).sum(), inputs))
    torch.testing.assert_close(gradients[0][0], gradients[1][0])
    torch.testing.assert_close(3 * gradients[0][1], gradients[1][1])


# Against a second implementation -----------------------------------------------------------------


def pairs_by_hand(clip, packed, triangles):
    """Near and far pixel -> crossing, by nvdiffrast's rule in plain image geometry; all w > 0."""
    height, width = packed.shape[:2]
    points = (clip[:, :2] / clip[:, 3:] + 1) * np.array([width, height]) / 2 - 0.5

    def side(a, b, c):
        (ux, uy), (vx, vy) = points[b] - points[a], points[c] - points[a]
        return ux * vy - uy * vx > 0

    def is_outline(a, b):
        others = [t for t in triangles if {a, b} < set(t)]
        return len({side(a, b, next(c for c in t if c not in (a, b))) for t in others}) == 1

    result = {}
    for y, x, axis in np.ndindex(height, width, 2):
        far = (y, x + 1) if axis == 0 else (y + 1, x)
        near = (y, x)
        if far[0] == height or far[1] == width or packed[near][3] == packed[far][3]:
            continue
        depth = [packed[p][2] if packed[p][3] else np.inf for p in (near, far)]
        if depth[1] < depth[0]:
            near, far = far, near
        corners = triangles[int(packed[near][3]) - 1]
        best = np.inf
        for k in range(3):
            a, b = corners[k], corners[(k + 1) % 3]
            across, along = np.abs(points[b] - points[a])[:: 1 - 2 * axis]
            if (along <= across if axis else along < across) or not is_outline(a, b):
                continue
            line = near[axis]
            start, end = points[a], points[b]
            share = (line - start[1 - axis]) / (end[1 - axis] - start[1 - axis])
            at = start[axis] + share * (end[axis] - start[axis]) - near[1 - axis]
            at *= far[1 - axis] - near[1 - axis]
            beyond = 0 if 0 <= share <= 1 else min(abs(p[1 - axis] - line) for p in (start, end))
            miss = max(beyond, -at, at - 1)
            if miss <= 1 / 16 and miss < best:
                best, result[near, far] = miss, at
    return result


@pytest.mark.parametrize("name", ["soup", "ellipsoid", "two triangles"])
def test_the_pixel_rule_equals_plain_image_geometry(name):
    clip, triangles, size = scene(name)
    packed = rasterise(clip, triangles, size).packed.numpy()
    (found,) = find_pairs(clip.numpy(), packed, edge_table(triangles), "pairs")
    expected = pairs_by_hand(clip[0].numpy(), packed[0], triangles.tolist())
    places = [
        tuple(tuple(map(int, np.unravel_index(pixel, size))) for pixel in pair)
        for pair in found.pixels
    ]
    assert set(places) == set(expected) and len(places) == len(expected) > 10
    np.testing.assert_allclose(
        found.crossing, [expected[place] for place in places], rtol=0, atol=1e-9
    )


# Threads, batches, types --------------------------------------------------------------------------


def blended(rule, dtype=torch.float32, channels=3, batch=3, only=None):
    """Result and gradients for heads that differ in scale; `only` one of the two gradients."""
    clip, triangles = head((72, 64), dtype)
    scale = torch.linspace(0.8, 1.1, batch, dtype=dtype)[:, None, None]
    clip = torch.cat([clip[..., :2] * scale, clip[..., 2:].expand(batch, -1, -1)], -1)
    raster = rasterise(clip, triangles, (72, 64))
    rng = torch.Generator().manual_seed(0)
    drawn = torch.rand(2, 3, 72, 64, 7, generator=rng, dtype=torch.float64)
    colour, weight = drawn[:, :batch, ..., :channels].to(dtype)
    colour.requires_grad_(only != "clip"), clip.requires_grad_(only != "colour")
    result = antialias(colour, raster, clip, triangles, silhouette=rule)
    result.backward(weight)
    return result.detach(), colour.grad, clip.grad


@pytest.mark.parametrize("rule", RULES)
def test_results_are_equal_to_the_bit_for_any_number_of_threads(rule):
    results = []
    before = torch.get_num_threads()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            results.append([value.numpy().tobytes() for value in blended(rule)])
    finally:
        torch.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("rule", RULES)
def test_each_image_of_a_batch_is_as_if_alone_and_single_precision_agrees(rule):
    many, double = blended(rule), blended(rule, torch.float64)
    for value, exact in zip(many, double):
        assert value.dtype == torch.float32
        assert (value - exact).abs().max() < 2e-3 * exact.abs().max()
    alone = blended(rule, batch=1)
    torch.testing.assert_close(alone[0][0], many[0][0], rtol=0, atol=0)
    torch.testing.assert_close(alone[2][0], many[2][0], rtol=0, atol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_channel_is_as_if_alone(channels):
    (all_seven, gradient, _), (few, few_gradient, _) = (
        blended("edges", channels=n, batch=1) for n in (7, channels)
    )
    torch.testing.assert_close(few, all_seven[..., :channels], rtol=0, atol=0)
    torch.testing.assert_close(few_gradient, gradient[..., :channels], rtol=0, atol=0)


def test_only_the_gradients_that_are_asked_for_are_made():
    both = blended("edges", batch=1)
    colour, clip = (blended("edges", batch=1, only=name) for name in ("colour", "clip"))
    assert colour[2] is None and clip[1] is None
    assert torch.equal(colour[1], both[1]) and torch.equal(clip[2], both[2])
