"""Views whose cameras are known: one head, one expression, in the world's millimetres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.artefacts import Capture, Landmarks, Rig
from lib.errors import CaptureFailure
from lib.fitting import FitOptions, Subject, fit_faces
from lib.fitting.camera import Cameras
from lib.fitting.known import KnownCameras, gather
from lib.fitting.pack import Layout
from lib.fitting.solve import Normal, hold, solve_shared
from lib.geometry import project
from tests.fitting.conftest import CENTRE, FOCAL, SIZE, pose, random_identity

LANDMARKS_ONLY = FitOptions(photometric_weight=0.0, landmark_weight=1.0)
SCHEME = "mesh468"
YAWS = (-40.0, -15.0, 10.0, 35.0)
TURN = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # model frame to world: far from any default
HEAD = np.column_stack([TURN, [400.0, -250.0, 1800.0]])


def inverse(matrix: np.ndarray) -> np.ndarray:
    return np.column_stack([matrix[:, :3].T, -matrix[:, :3].T @ matrix[:, 3]])


def after(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """(3, 4) rigid transform that applies `first`, then `second`."""
    return np.column_stack(
        [second[:, :3] @ first[:, :3], second[:, :3] @ first[:, 3] + second[:, 3]]
    )


def rig_capture(model, identity, expression, noise_px=0.0, unseen=(), blind=(), triangulated=True):
    """A capture of four known cameras; `unseen` views show no face, `blind` ones are left out."""
    vertices = model.vertices(identity, expression)
    points = model.landmarks[SCHEME].on(vertices, model.triangles).astype(float)
    in_head = np.stack([pose(yaw) for yaw in YAWS])
    in_world = np.stack([after(item, inverse(HEAD)) for item in in_head])
    n = len(YAWS)
    focal, centre = np.full(n, FOCAL), np.tile(CENTRE, (n, 1))
    points_px = project(points[None], in_head, focal, centre)
    points_px = points_px + np.random.default_rng(0).normal(0, 1, points_px.shape) * noise_px
    points_px[list(unseen)] = np.nan
    measured = np.isfinite(points_px).all(2)
    image = np.random.default_rng(1).integers(0, 255, (*SIZE, 3), np.uint8)
    nothing = np.full((n, 68, 2), np.nan)
    capture = Capture(
        subject="anna",
        path=("a",) * n,
        sha256=("",) * n,
        image=(image,) * n,
        original_size=np.tile(SIZE, (n, 1)),
        working_to_original=np.ones((n, 2)),
        focal_px=focal,
        focal_source=("camera",) * n,
        centre_px=centre,
        world_to_camera=in_world,
        length_unit="mm",
        distortion=np.zeros((n, 8)),
        mask=[np.zeros((0, 0))] * n,
        view=[f"{i:02d}" for i in range(n)],
    )
    landmarks = Landmarks(
        scheme=SCHEME,
        points_px=points_px,
        sigma_px=np.where(measured, 1.0, np.nan),
        depth_px=np.full(measured.shape, np.nan),
        ibug68_px=nothing,
        ibug68_sigma_px=np.full((n, 68), np.nan),
        presence=np.ones(n),
    )
    used = ~np.isin(np.arange(n), blind)
    points_mm = points @ HEAD[:, :3].T + HEAD[:, 3]
    rig = Rig(
        source="file",
        method="",
        moved_px=np.zeros(n),
        scale_source="file",
        scale=1.0,
        used=used,
        reason=np.where(used, "", "it is black."),
        world_to_camera=in_world,
        focal_px=focal,
        centre_px=centre,
        scheme=SCHEME,
        points_mm=points_mm if triangulated else np.full_like(points_mm, np.nan),
        covariance_mm2=np.tile(np.eye(3), (len(points), 1, 1)),
        inlier=measured & used[:, None],
        reprojection_px=np.where(measured, 0.0, np.nan),
    )
    return Subject("a", capture, None, landmarks, None, rig)


def neutral(model):
    return np.zeros(model.n_expression, np.float32)


def test_the_head_is_found_in_the_world_in_mm(model):
    truth = random_identity(model, 1)
    expression = neutral(model)
    expression[model.expression_names.index("jawOpen")] = 0.5
    item = rig_capture(model, truth, expression, noise_px=0.5)
    fit = fit_faces(model, [item], LANDMARKS_ONLY)["a"]
    found = fit.vertices + np.tensordot(fit.expression[0], model.expression_basis, 1)
    camera = fit.world_to_camera[2]
    wanted = model.vertices(truth, expression) @ pose(YAWS[2])[:, :3].T + pose(YAWS[2])[:, 3]
    points = model.landmarks[SCHEME]
    apart = points.on(found @ camera[:, :3].T + camera[:, 3] - wanted, model.triangles)
    assert np.linalg.norm(apart, axis=1).mean() < 0.6
    assert (np.ptp(fit.expression, axis=0) == 0).all()
    np.testing.assert_array_equal(fit.focal_px, FOCAL)
    np.testing.assert_array_equal(fit.focal_sigma, 0.0)


def test_all_views_see_one_rigid_head(model):
    item = rig_capture(model, random_identity(model, 2), neutral(model), 2.0)
    with_colour = FitOptions(samples=300, photometric_iterations=3)
    fit = fit_faces(model, [item], with_colour)["a"]
    heads = [
        after(inverse(camera), own)
        for camera, own in zip(item.rig.world_to_camera, fit.world_to_camera, strict=True)
    ]
    np.testing.assert_allclose(heads, np.tile(heads[0], (4, 1, 1)), atol=1e-9)
    np.testing.assert_allclose(heads[0][:, :3] @ heads[0][:, :3].T, np.eye(3), atol=1e-6)
    assert np.isfinite(fit.light).all()


def test_known_distances_say_how_large_the_head_is(model):
    """A single view cannot: its scale is that of the usual head."""
    truth = random_identity(model, 3)
    item = rig_capture(model, truth, neutral(model))
    fit = fit_faces(model, [item], LANDMARKS_ONLY)["a"]
    points = model.landmarks["ibug68"]
    wanted = points.on(model.vertices(truth), model.triangles)
    found = points.on(fit.vertices, model.triangles)
    assert np.linalg.norm(found[36] - found[45]) == pytest.approx(
        np.linalg.norm(wanted[36] - wanted[45]), rel=0.01
    )


@pytest.mark.parametrize("kind", ["unseen", "blind"])
def test_a_view_that_is_not_fitted_has_its_camera_and_no_light(model, kind):
    item = rig_capture(model, random_identity(model, 1), neutral(model), **{kind: (1,)})
    fit = fit_faces(model, [item], LANDMARKS_ONLY)["a"]
    assert np.isfinite(fit.world_to_camera).all() and np.isfinite(fit.expression).all()
    assert np.isnan(fit.light[1]).all() and np.isfinite(fit.light[[0, 2, 3]]).all()
    assert np.isnan(fit.reprojection_px[1])
    np.testing.assert_allclose(
        fit.world_to_camera[1], after(item.rig.world_to_camera[1], head_of(item, fit)), atol=1e-9
    )


def head_of(item, fit):
    return after(inverse(item.rig.world_to_camera[0]), fit.world_to_camera[0])


def test_a_single_measured_view_still_stands_in_the_world(model):
    item = rig_capture(
        model, random_identity(model, 1), neutral(model), unseen=(0, 1, 3), triangulated=False
    )
    fit = fit_faces(model, [item], LANDMARKS_ONLY)["a"]
    assert np.linalg.norm(head_of(item, fit)[:, 3] - HEAD[:, 3]) < 60


def test_measurements_that_the_other_views_contradict_count_for_nothing(model):
    item = rig_capture(model, random_identity(model, 1), neutral(model))
    points, inlier = item.landmarks.points_px.copy(), item.rig.inlier.copy()
    points[1] += 60
    inlier[1] = 0
    wild = replace(
        item,
        landmarks=item.landmarks.replace(points_px=points),
        rig=item.rig.replace(inlier=inlier),
    )
    without = rig_capture(model, random_identity(model, 1), neutral(model), unseen=(1,))
    fits = [fit_faces(model, [one], LANDMARKS_ONLY)["a"] for one in (wild, without)]
    np.testing.assert_array_equal(fits[0].vertices, fits[1].vertices)


def test_views_without_a_face_are_nan_where_no_camera_is_known(model):
    item = rig_capture(model, random_identity(model, 1), neutral(model), unseen=(0, 2))
    fit = fit_faces(model, [replace(item, rig=None)], LANDMARKS_ONLY)["a"]
    nothing = np.isnan(fit.world_to_camera).all((1, 2))
    assert nothing.tolist() == [True, False, True, False]
    for field in (fit.expression, fit.light, fit.landmarks_px, fit.focal_px):
        assert np.isnan(field[nothing]).all() and np.isfinite(field[~nothing]).all()


def test_a_capture_whose_every_view_is_left_out_is_a_failure(model):
    item = rig_capture(model, random_identity(model, 1), neutral(model), blind=(0, 1, 2, 3))
    result = fit_faces(model, [item], LANDMARKS_ONLY)["a"]
    assert isinstance(result, CaptureFailure) and result.outcome == "landmarks_unsure"


def test_photos_beside_a_rig_are_fitted_as_alone(model):
    """Batches mix captures; what is known of one must not leak into another."""
    item = rig_capture(model, random_identity(model, 1), neutral(model), 1.0)
    photo = replace(item, name="b", rig=None, capture=item.capture.replace(subject="bert"))
    beside = fit_faces(model, [item, photo], LANDMARKS_ONLY)["b"]
    alone = fit_faces(model, [photo], LANDMARKS_ONLY)["b"]
    np.testing.assert_allclose(beside.vertices, alone.vertices, atol=2e-2)
    np.testing.assert_allclose(beside.expression, alone.expression, atol=5e-3)


@pytest.fixture
def tied():
    """Three views of two captures, the first two with known cameras, and any evidence."""
    generator = torch.Generator().manual_seed(0)
    layout = Layout(3, 2, 4)
    matrices = torch.tensor(np.stack([pose(-20), pose(30), pose(0)]))
    known = KnownCameras(
        torch.tensor([0, 0, 1]),
        torch.tensor([0, 2]),
        torch.tensor([True, False]),
        matrices,
        torch.eye(3, 4, dtype=torch.float64).repeat(2, 1, 1),
    )
    cameras = Cameras(
        matrices[..., :3].float().contiguous(),
        torch.zeros(3, 2),
        torch.zeros(3),
        torch.full((3,), np.log(FOCAL)),
        torch.tensor(np.tile(CENTRE, (3, 1)), dtype=torch.float32),
    )
    root = torch.randn(3, layout.size, 80, generator=generator, dtype=torch.float64)
    gradient = torch.randn(3, layout.size, generator=generator, dtype=torch.float64)
    normal = Normal(root @ root.transpose(1, 2), gradient, gradient[:, 0].abs())
    return layout, known, known.applied(cameras), normal


def test_gathered_steps_are_those_of_the_dense_system(tied):
    layout, known, cameras, normal = tied
    still = torch.zeros(3, dtype=torch.float64)
    gathered = gather(normal, known, cameras, layout, still, light_held=False)
    k, prior = layout.n_shared, torch.full((layout.n_shared,), 2.0, dtype=torch.float64)
    subject = torch.zeros(2, dtype=torch.long)
    pull = torch.zeros(1, k, dtype=torch.float64)
    nothing = torch.zeros(2, layout.size, dtype=torch.bool)
    shared, local = solve_shared(
        hold(gathered.normal, nothing), prior, pull, subject, layout, still[:2]
    )
    steps = gathered.views(known, torch.cat([shared[subject], local], 1), layout)
    # unknowns of the dense system: shared, head 6, expression 4, light of 2 views, the third view
    n_dense = k + 6 + 4 + 2 * 27 + layout.n_local
    by_pose = known.camera_by_pose(cameras)
    maps = torch.zeros(3, layout.size, n_dense, dtype=torch.float64)
    maps[:, range(k), range(k)] = 1
    for view in range(2):
        maps[view, layout.camera, k : k + 6] = by_pose[view]
        maps[view, layout.expression, k + 6 : k + 10] = torch.eye(4).double()
        start = k + 10 + 27 * view
        maps[view, layout.light, start : start + 27] = torch.eye(27).double()
    maps[2, k:, n_dense - layout.n_local :] = torch.eye(layout.n_local).double()
    dense = (maps.transpose(1, 2) @ normal.hessian @ maps).sum(0)
    dense[range(k), range(k)] += prior
    right = (maps.transpose(1, 2) @ normal.gradient[..., None]).sum(0)
    wanted = maps @ -torch.linalg.solve(dense, right)
    torch.testing.assert_close(shared[0], wanted[0, :k, 0])
    torch.testing.assert_close(steps, wanted[:, k:, 0])


def test_cameras_follow_the_head_as_their_derivative_says(tied):
    _, known, cameras, _ = tied
    by_pose = known.camera_by_pose(cameras)
    step = 1e-3 * torch.randn(2, 6, generator=torch.Generator().manual_seed(1)).double()
    step[:, 3:] *= 300
    moved = known.moved(step).applied(cameras)
    wanted = (by_pose @ step[known.group][..., None])[:2, :, 0]
    turned = (moved.rotation @ cameras.rotation.transpose(1, 2))[:2]
    vector = torch.stack([turned[:, 2, 1], turned[:, 0, 2], turned[:, 1, 0]], 1)
    torch.testing.assert_close(vector.double(), wanted[:, :3], rtol=0.02, atol=2e-6)
    origin = (moved.origin_px - cameras.origin_px)[:2].double()
    torch.testing.assert_close(origin, wanted[:, 3:5], rtol=0.02, atol=1e-3)
    scale = (moved.log_scale - cameras.log_scale)[:2].double()
    torch.testing.assert_close(scale, wanted[:, 5], rtol=0.02, atol=2e-6)
    torch.testing.assert_close(moved.rotation[2], cameras.rotation[2])
