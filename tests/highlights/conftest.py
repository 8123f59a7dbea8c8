"""A made-up matte head, and its photo under a light that it mirrors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from lib.artefacts import BaseMesh, Capture, FaceFit, SkinMask, Surface
from lib.facemodel.model import FaceModel
from lib.imaging.colour import linear_to_srgb8
from lib.render import Camera, render_buffers
from lib.uvspace.grid import chart_grid
from lib.uvspace.measured import Measured
from tests.studio import rig_of
from tests.texture.conftest import Scene, make_scene, normals_of, true_albedo


@dataclass(frozen=True)
class Glossy:
    """A photo with a highlight, and what it is made of.

    Args:
        diffuse: (h, w, 3) linear, of the first view.
        specular: (h, w) linear, of each channel under a grey light.
        head: (h, w) bool.
        views: all three of each view.
    """

    model: FaceModel
    capture: Capture
    fit: FaceFit
    skin: SkinMask
    diffuse: np.ndarray
    specular: np.ndarray
    head: np.ndarray
    views: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]


def gloss(scene: Scene, light=(1.0, 1.0, 1.0), strength=0.25, noise=0.0) -> Glossy:
    """The scene's photos with a lobe added that is mirrored from above the camera."""
    from lib.imaging import srgb_to_linear

    images, found = [], []
    for view, image in enumerate(scene.capture.image):
        fit = scene.fit
        camera = fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view]
        buffers = render_buffers(scene.model.mean, scene.model.triangles, *camera, size=(480, 400))
        normals = normals_of(scene.model, buffers)
        eye = -camera[0][:, :3].T @ np.array([0, 0, 1.0])
        half = eye + np.array([0.2, 0.55, 0.9])
        cosine = np.clip(normals @ (half / np.linalg.norm(half)), 0, 1)
        lobe = np.where(buffers.mask, strength * cosine**200, 0).astype(np.float32)
        diffuse = srgb_to_linear(image)
        photo = diffuse * np.array(light) + lobe[..., None] * np.array(light)
        photo += np.random.default_rng(view).normal(0, noise, photo.shape) if noise else 0
        images.append(linear_to_srgb8(photo))
        found.append((diffuse, lobe, buffers.mask))
    skin = SkinMask(probability=tuple(255 * mask.astype(np.uint8) for _, _, mask in found))
    capture = scene.capture.replace(image=tuple(images))
    diffuse, lobe, mask = found[0]
    return Glossy(scene.model, capture, scene.fit, skin, diffuse, lobe, mask, tuple(found))


def measured_of(case: Glossy) -> Measured:
    """The true cameras, and the true surface."""
    fit, model = case.fit, case.model
    cameras = [
        Camera(pose, float(focal), centre)
        for pose, focal, centre in zip(
            fit.world_to_camera, fit.focal_px, fit.centre_px, strict=True
        )
    ]
    grid, pose = chart_grid(model, model.mean, 192), np.eye(4)[:3]
    flat, zeros = np.zeros(grid.mask.shape), np.zeros(model.n_vertices)
    surface = Surface(
        method="truth",
        head_to_world=pose,
        position_mm=np.where(grid.mask[..., None], grid.position, np.nan),
        normal=np.where(grid.mask[..., None], grid.normal, 0),
        distance_mm=flat,
        confidence=grid.mask.astype(np.float32),
        expression_share=flat,
    )
    return Measured(
        rig_of(cameras), BaseMesh("egg", "views", model.mean, pose, zeros, zeros), surface
    )


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Scene:
    """A head with freckles and red spots, seen from the front."""
    v, u = np.mgrid[:512, :512] / 512
    blood = 0.1 * np.sin(2 * np.pi * 40 * u) * np.sin(2 * np.pi * 33 * v)
    albedo = true_albedo() * np.exp(blood[..., None] * np.array([-0.2, -1.0, -0.8]))
    return make_scene(tmp_path_factory.mktemp("plain"), albedo=albedo.astype(np.float32))


@pytest.fixture(scope="session")
def glossy(plain) -> Glossy:
    """That head with a highlight on it."""
    return gloss(plain)
