"""The photometric term: colour of skin pixels against albedo times spherical-harmonics light.

    c(v) = a(v) * sum_k A_k Y_k(n(v)) L_k

compared at fixed points of the surface with the photo's linear colour where they project. The
normal moves with the coefficients, and its derivative is kept: without it the fit finds a wrong
minimum.

Source: Ramamoorthi & Hanrahan 2001 for the light; Blanz & Vetter 1999 for the term.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lib.facemodel import FaceModel
from lib.fitting.camera import Cameras, project_with_derivatives, skew, turned
from lib.fitting.landmarks import TURNED
from lib.fitting.pack import N_LIGHT, Layout, LinearPoints, State, linear_points
from lib.fitting.solve import Normal, empty_normal
from lib.geometry import vertex_normals
from lib.render import SH_COSINE

DEGREES_OF_FREEDOM = 3.0
COLOUR_SIGMA = 0.10  # relative to the face's mean luminance: what the light model cannot explain
Y00 = 0.28209479
DARKEST = 0.01  # albedo


@dataclass(frozen=True)
class SurfaceSamples:
    """Fixed points of the face whose colour is compared.

    Args:
        vertices: (p,) vertex index of each sample.
        points: positions.
        tangent_u, tangent_v: two tangents, ordered so that their cross product points outwards.
        albedo_mean: (p, 3) RGB in the model's encoding.
        albedo_basis: (p, 3, n_albedo) likewise.
        encoded: whether that is sRGB, and not linear light.
        frame_basis: (p, 9, n_coefficients), the three bases above one another.
    """

    vertices: np.ndarray
    points: LinearPoints
    tangent_u: LinearPoints
    tangent_v: LinearPoints
    albedo_mean: torch.Tensor
    albedo_basis: torch.Tensor
    encoded: bool
    frame_basis: torch.Tensor

    def albedo(self, coefficients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Linear albedo (n, p, 3), and its derivative by the modes' sum, for (n, n_albedo)."""
        moved = coefficients @ self.albedo_basis.flatten(0, 1).T
        albedo = self.albedo_mean + moved.view(len(coefficients), -1, 3)
        if not self.encoded:
            return albedo.clamp_min(DARKEST), torch.ones_like(albedo)
        linear, slope = _decoded(albedo.clamp(0, 1))
        return linear.clamp_min(DARKEST), slope


def surface_samples(
    model: FaceModel, count: int, seed: int, device: torch.device
) -> SurfaceSamples:
    """About `count` vertices of the face without the eyes, in an order fixed by the seed."""
    excluded = np.concatenate([model.parts[name] for name in ("right_eye", "left_eye")])
    skin = np.unique(model.triangles[model.region("skin")])
    candidates = np.setdiff1d(np.intersect1d(model.parts["face_mask"], skin), excluded)
    generator = np.random.default_rng(seed)
    chosen = np.sort(generator.permutation(candidates)[:count])
    ring, weights_u, weights_v = _tangent_weights(model, chosen)
    one = np.ones((len(chosen), 1))

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.tensor(np.ascontiguousarray(values), dtype=torch.float32, device=device)

    points = linear_points(model, chosen[:, None], one, device)
    tangent_u = linear_points(model, ring, weights_u, device)
    tangent_v = linear_points(model, ring, weights_v, device)
    return SurfaceSamples(
        chosen,
        points,
        tangent_u,
        tangent_v,
        tensor(model.albedo_mean[chosen]),
        tensor(model.albedo_basis[:, chosen].transpose(1, 2, 0)),
        model.albedo_encoding == "srgb",
        torch.cat([points.basis, tangent_u.basis, tangent_v.basis], 1),
    )


def _decoded(encoded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Linear light of sRGB values 0..1, and its derivative."""
    base = (encoded + 0.055) / 1.055
    dark = encoded <= 0.04045
    value = torch.where(dark, encoded / 12.92, base**2.4)
    return value, torch.where(dark, 1 / 12.92, 2.4 / 1.055 * base**1.4)


def _tangent_weights(
    model: FaceModel, vertices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbours (p, k) and weights (p, k) that turn vertex positions into two tangents.

    The tangents are the least-squares slopes of the two-ring over its tangent plane on the mean
    face, so that they are linear in the coefficients on any mesh.
    """
    rings = _rings(model.triangles[model.region("skin")], vertices)
    k = max(map(len, rings))
    index = np.repeat(vertices[:, None], k, 1)
    weights = np.zeros((2, len(vertices), k))
    mean = model.mean.astype(np.float64)
    outward = vertex_normals(mean, model.triangles)
    for row, ring in enumerate(rings):
        offset = mean[ring] - mean[ring].mean(0)
        axes = np.linalg.svd(offset, full_matrices=False)[2]
        if axes[2] @ outward[vertices[row]] < 0:
            axes[2] = -axes[2]
        first = axes[0]
        plane = np.stack([first, np.cross(axes[2], first)])
        slopes = np.linalg.pinv(offset @ plane.T)
        index[row, : len(ring)] = ring
        weights[:, row, : len(ring)] = slopes
    return index, weights[0], weights[1]


def _rings(triangles: np.ndarray, vertices: np.ndarray) -> list[np.ndarray]:
    """The vertex, its neighbours and theirs, for each of `vertices`."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    start = np.searchsorted(edges[:, 0], np.arange(triangles.max() + 2))
    near = [edges[a:b, 1] for a, b in itertools.pairwise(start)]
    return [
        np.unique(np.concatenate([[v], near[v], *(near[n] for n in near[v])])) for v in vertices
    ]


@dataclass(frozen=True)
class FaceCrops:
    """Linear crops of n views around the face, as bright as a face of mean luminance 1.

    Args:
        colour: (n, 3, side, side), linear, divided by `exposure`.
        skin: (n, 1, side, side) probability of bare skin; 0 outside the photo.
        corner_px: (n, 2) working-image position of the crop's outer corner.
        zoom: (n,) crop px per working px.
        exposure: (n,) linear luminance that became 1.
    """

    colour: torch.Tensor
    skin: torch.Tensor
    corner_px: torch.Tensor
    zoom: torch.Tensor
    exposure: torch.Tensor

    def blurred(self, sigma: float) -> FaceCrops:
        """Crops smoothed by a Gaussian of sigma crop px."""
        if sigma <= 0:
            return self
        smooth = [
            cv2.GaussianBlur(item.permute(1, 2, 0).cpu().numpy(), (0, 0), sigma)
            for item in self.colour
        ]
        colour = torch.tensor(np.stack(smooth), device=self.colour.device).permute(0, 3, 1, 2)
        return FaceCrops(colour, self.skin, self.corner_px, self.zoom, self.exposure)

    def rows(self, views: slice) -> FaceCrops:
        """Some of the views."""
        return FaceCrops(
            self.colour[views],
            self.skin[views],
            self.corner_px[views],
            self.zoom[views],
            self.exposure[views],
        )

    def sample(self, field: torch.Tensor, image_px: torch.Tensor) -> torch.Tensor:
        """(n, p, c) values of a crop field at working-image points (n, p, 2); 0 outside."""
        side = field.shape[-1]
        crop = (image_px + 0.5 - self.corner_px[:, None]) * self.zoom[:, None, None] - 0.5
        grid = (2 * crop + 1) / side - 1
        values = torch.nn.functional.grid_sample(
            field, grid[:, None], align_corners=False, padding_mode="zeros"
        )
        return values[:, :, 0].transpose(1, 2)


@dataclass(frozen=True)
class PhotometricTerm:
    """What the photometric normal equations need besides the state.

    Args:
        samples: points of the surface.
        crops: blurred crops.
        visible: (n, p) 0..1 visibility of each sample, constant while the term lives.
        weight: share of the nominal information that counts.
    """

    samples: SurfaceSamples
    crops: FaceCrops
    visible: torch.Tensor
    weight: float

    def rows(self, views: slice) -> PhotometricTerm:
        """The term of some of the views."""
        return PhotometricTerm(
            self.samples, self.crops.rows(views), self.visible[views], self.weight
        )


def photometric_normal(term: PhotometricTerm, state: State, layout: Layout) -> Normal:
    """Gauss-Newton system of the photometric term at the current estimate of its views."""
    samples, crops = term.samples, term.crops
    shape = state.shape()
    image, by_camera, by_point = project_with_derivatives(state.cameras, samples.points.at(shape))
    colour, gradient = _colour_and_gradient(crops, image)
    normal, by_u, by_v = _normals(samples.tangent_u.at(shape), samples.tangent_v.at(shape))
    albedo, albedo_slope = samples.albedo(state.albedo[state.subject])
    basis, basis_slope = _cosine_basis(normal)
    shading = basis @ state.light
    residual = colour - albedo * shading

    root, cost = _weights(term, state.cameras, residual, crops.sample(crops.skin, image)[..., 0])
    by_normal = albedo[..., None] * (state.light.transpose(1, 2)[:, None] @ basis_slope)
    by_frame = torch.cat([gradient @ by_point, -(by_normal @ by_u), -(by_normal @ by_v)], -1)
    by_light = torch.zeros(*residual.shape, 9, 3, device=residual.device)
    for channel in range(3):
        by_light[..., channel, :, channel] = -albedo[..., channel, None] * basis
    rest = torch.cat(
        [
            -samples.albedo_basis * (albedo_slope * shading)[..., None],
            gradient @ by_camera,
            by_light.flatten(-2),
        ],
        -1,
    )
    weigh = root[..., None, None]
    return _assemble(
        by_frame * weigh,
        rest * weigh,
        residual * root[..., None],
        cost,
        samples.frame_basis,
        layout,
    )


def _weights(
    term: PhotometricTerm, cameras: Cameras, residual: torch.Tensor, skin: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Root of each sample's information (n, p), and the robust cost of each view (n,)."""
    squared = (residual**2).sum(-1) / COLOUR_SIGMA**2
    away = 1 + (turned(cameras)[:, None] / TURNED) ** 2  # light and outline err on turned heads
    evidence = term.weight / away**2 * term.visible * skin
    robust = (DEGREES_OF_FREEDOM + 3) / (DEGREES_OF_FREEDOM + squared)
    cost = evidence * 0.5 * (DEGREES_OF_FREEDOM + 3) * torch.log1p(squared / DEGREES_OF_FREEDOM)
    return (evidence * robust).sqrt() / COLOUR_SIGMA, cost.sum(1)


def _assemble(
    by_frame: torch.Tensor,
    rest: torch.Tensor,
    residual: torch.Tensor,
    cost: torch.Tensor,
    frame_basis: torch.Tensor,
    layout: Layout,
) -> Normal:
    """Normal equations of weighted derivatives.

    Args:
        by_frame: (n, p, 3, 9) by position and both tangents of each sample.
        rest: (n, p, 3, r) by albedo, camera and light.
        residual: (n, p, 3).
        cost: (n,).
        frame_basis: (p, 9, n_identity + n_expression), how those move with the coefficients.
        layout: where the unknowns stand.
    """
    n_shape = frame_basis.shape[-1]
    order = torch.cat(
        [
            torch.arange(layout.size, device=rest.device)[block]
            for block in (layout.identity, layout.expression)
        ]
        + [
            torch.arange(layout.size, device=rest.device)[block]
            for block in (layout.albedo, layout.camera, layout.light)
        ]
    )
    normal = empty_normal(len(residual), layout, residual.device)
    for view in range(len(residual)):  # one by one: the derivatives of one view fit the cache
        columns = torch.empty(residual[view].numel(), layout.size, device=rest.device)
        columns[:, :n_shape] = torch.bmm(by_frame[view], frame_basis).flatten(0, 1)
        columns[:, n_shape:] = rest[view].flatten(0, 1)
        normal.hessian[view, order[:, None], order] = (columns.T @ columns).double()
        normal.gradient[view, order] = (columns.T @ residual[view].flatten()).double()
    normal.cost[:] = cost.double()
    return normal


def _colour_and_gradient(
    crops: FaceCrops, image: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Colour (n, p, 3) and its derivative (n, p, 3, 2) per working px, by central differences."""
    step = (0.5 / crops.zoom)[:, None]
    slopes = []
    for axis in range(2):
        offset = torch.zeros_like(image)
        offset[..., axis] = step
        difference = crops.sample(crops.colour, image + offset) - crops.sample(
            crops.colour, image - offset
        )
        slopes.append(difference * crops.zoom[:, None, None])
    return crops.sample(crops.colour, image), torch.stack(slopes, -1)


def _normals(
    tangent_u: torch.Tensor, tangent_v: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Unit normals (n, p, 3) and their derivatives (n, p, 3, 3) by both tangents."""
    cross = torch.linalg.cross(tangent_u, tangent_v)
    length = cross.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    normal = cross / length
    tangential = torch.eye(3, device=cross.device) - normal[..., :, None] * normal[..., None, :]
    tangential = tangential / length[..., None]
    return normal, tangential @ -skew(tangent_v), tangential @ skew(tangent_u)


def _cosine_basis(normal: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine-convolved SH basis (n, p, 9) and its derivative (n, p, 9, 3) by the normal."""
    cosine = torch.tensor(np.asarray(SH_COSINE), dtype=normal.dtype, device=normal.device)
    x, y, z = normal.unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    c1, c2, c3, c4 = 0.48860251, 1.09254843, 0.31539157, 0.54627421
    value = torch.stack(
        [
            Y00 * one,
            c1 * y,
            c1 * z,
            c1 * x,
            c2 * x * y,
            c2 * y * z,
            c3 * (3 * z * z - 1),
            c2 * x * z,
            c4 * (x * x - y * y),
        ],
        -1,
    )
    rows = [
        (zero, zero, zero),
        (zero, c1 * one, zero),
        (zero, zero, c1 * one),
        (c1 * one, zero, zero),
        (c2 * y, c2 * x, zero),
        (zero, c2 * z, c2 * y),
        (zero, zero, 6 * c3 * z),
        (c2 * z, zero, c2 * x),
        (2 * c4 * x, -2 * c4 * y, zero),
    ]
    slope = torch.stack([torch.stack(row, -1) for row in rows], -2)
    return value * cosine, slope * cosine[:, None]


def light_prior(exposure: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean (n, 9, 3) and precision (27, 27) of the light, in the crops' units.

    Photographers expose so that a white sheet comes out at about 0.8 of full scale; light is near
    neutral after white balance, and mostly from in front and above.
    """
    white = 0.8 / exposure / Y00
    mean = torch.zeros(len(exposure), 9, 3, device=exposure.device)
    mean[:, 0] = white[:, None]
    grey_sigma = torch.tensor([1.2, *[1.5] * 3, *[0.8] * 5], device=exposure.device)
    colour_sigma = torch.tensor([0.35, *[0.3] * 3, *[0.2] * 5], device=exposure.device)
    grey = torch.full((3, 3), 1 / 3, device=exposure.device)
    rest = torch.eye(3, device=exposure.device) - grey
    precision = torch.zeros(N_LIGHT, N_LIGHT, device=exposure.device)
    for k in range(9):
        block = slice(3 * k, 3 * k + 3)
        precision[block, block] = grey / grey_sigma[k] ** 2 + rest / colour_sigma[k] ** 2
    return mean, precision
