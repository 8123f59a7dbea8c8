"""Fits with converted models of other layouts, to pictures drawn from these models themselves."""

from __future__ import annotations

import numpy as np
import pytest

from lib.facemodel import FaceModel, read_face_model
from lib.facemodel.converters import convert_model
from lib.fitting import FitOptions, fit_faces
from lib.geometry import vertex_normals
from lib.imaging import linear_to_srgb
from lib.render import SH_COSINE, interpolate, render_buffers, sh_basis
from tests.facemodel.bfm_files import small_bfm, write_folder
from tests.fitting.conftest import CENTRE, FOCAL, SIZE, face_error_mm, points_of, pose, subject

SCHEME = "ldm106"
YAWS = (-30, 0, 30)


@pytest.fixture(scope="module")
def bfm(model: FaceModel, tmp_path_factory: pytest.TempPathFactory) -> FaceModel:
    """A small face in the layout of BFM 2009: N(0, 1) expressions, encoded colours."""
    folder = tmp_path_factory.mktemp("bfm")
    convert_model("bfm09", write_folder(folder / "BFM", small_bfm(model)), folder / "bfm09.h5")
    return read_face_model(folder / "bfm09.h5")


def photo(model: FaceModel, vertices: np.ndarray, albedo: np.ndarray, yaw: float) -> np.ndarray:
    """(h, w, 3) uint8 of the face under soft light, on grey."""
    buffers = render_buffers(vertices, model.triangles, pose(yaw), FOCAL, CENTRE, SIZE)
    light = np.zeros((9, 3))
    light[0], light[1], light[2], light[3] = 3.0, 0.4, 0.8, 0.5
    shading = (sh_basis(vertex_normals(vertices, model.triangles)) * SH_COSINE) @ light
    drawn = interpolate(buffers, albedo * shading, model.triangles)
    picture = np.where(buffers.mask[..., None], drawn, 0.2)
    return np.round(255 * linear_to_srgb(np.clip(picture, 0, 1))).astype(np.uint8)


def test_a_face_drawn_from_the_model_is_found_again(bfm):
    rng = np.random.default_rng(2)
    identity, expression, albedo = (
        rng.normal(0, sigma, count).astype(np.float32)
        for sigma, count in ((1.0, bfm.n_identity), (1.0, bfm.n_expression), (0.8, bfm.n_albedo))
    )
    vertices, colours = bfm.vertices(identity, expression), bfm.albedo(albedo)
    views = [
        subject(
            f"v{yaw}", SCHEME, points_of(bfm, identity, expression, yaw, SCHEME), "anna",
            image=photo(bfm, vertices, colours, yaw), sigma_px=0.3,
        )
        for yaw in YAWS
    ]  # fmt: skip
    fits = fit_faces(bfm, views, FitOptions(landmark_weight=1.0))
    neutral = bfm.vertices(identity)
    face = bfm.parts["face_mask"]
    for fit in fits.values():
        posed = bfm.vertices(fit.identity, fit.expression[0])
        assert face_error_mm(bfm, posed, vertices) < 0.35 * face_error_mm(bfm, bfm.mean, vertices)
        own = face_error_mm(bfm, fit.vertices, neutral)
        assert own < 0.25 * face_error_mm(bfm, bfm.mean, neutral)
        assert np.corrcoef(fit.identity, identity)[0, 1] > 0.95
        assert np.corrcoef(fit.expression[0], expression)[0, 1] > 0.8
        assert fit.expression[0].min() < -0.3
        # how bright skin and light are is not told apart; where the skin is darker is
        assert np.corrcoef(fit.albedo, albedo)[0, 1] > 0.95
        tone, of_mean = (
            np.log(bfm.albedo(coefficients)[face] / colours[face])
            for coefficients in (fit.albedo, None)
        )
        assert (tone - tone.mean(axis=0)).std() < 0.7 * (of_mean - of_mean.mean(axis=0)).std()
