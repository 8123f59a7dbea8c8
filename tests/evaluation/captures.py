"""A synthetic truth without a renderer, and results of the line whose errors are known."""

from __future__ import annotations

from functools import cache

import numpy as np

from lib.artefacts import (
    PART_LABELS,
    Albedo,
    Capture,
    FaceFit,
    Landmarks,
    SkinMask,
    Texture,
    Truth,
)
from lib.evaluation import Result
from lib.facemodel import load_face_model, part_of_triangles
from lib.geometry import project
from lib.render import interpolate, render_buffers, uv_buffers

SIDE, FOCAL_PX, DISTANCE_MM, CHART = 96, 200.0, 600.0, 128
SIGMA_MM = 1.0


@cache
def model():
    return load_face_model("makehuman")


def pose(yaw_deg):
    """(3, 4) camera before the face, turned about it."""
    turn = np.radians(yaw_deg)
    about = [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    flip = np.diag([1.0, -1, -1])
    return np.column_stack([flip @ about, [0, 0, DISTANCE_MM]])


@cache
def identity():
    return np.random.default_rng(4).normal(0, 0.7, model().n_identity).astype(np.float32)


@cache
def truth(views=1, span="makehuman"):
    """The head of `identity` before some cameras; its pictures show parts alone."""
    head = model()
    vertices = head.vertices(identity()).astype(np.float64)
    cameras = np.stack([pose(yaw) for yaw in np.linspace(-40, 40, views)]) if views > 1 else None
    cameras = pose(10)[None] if cameras is None else cameras
    focal, centre = np.full(views, FOCAL_PX), np.full((views, 2), (SIDE - 1) / 2)
    labels = part_of_triangles(head)
    part = []
    for camera in cameras:
        seen = render_buffers(vertices, head.triangles, camera, FOCAL_PX, centre[0], (SIDE, SIDE))
        part.append(np.where(seen.mask, labels[np.maximum(seen.triangle_id, 0)], 0))
    points = head.landmarks["ibug68"].on(vertices, head.triangles)
    pixels = project(points, cameras, focal, centre)
    chart = uv_buffers(head.uv, head.uv_triangles, (CHART, CHART))
    albedo = interpolate(chart, head.albedo().astype(np.float32), head.triangles)
    picture, flat = np.zeros((views, SIDE, SIDE, 3)), np.zeros((views, SIDE, SIDE))
    none = np.zeros((0, 3))
    return Truth(
        world="{}",
        subject="anna",
        face_model="makehuman",
        span=span,
        tone_deg=40,
        image=picture,
        diffuse=picture,
        specular=picture,
        highlight=flat,
        depth_mm=flat,
        normal=picture,
        uv=picture[..., :2],
        part=part,
        focal_px=focal,
        centre_px=centre,
        world_to_camera=cameras,
        exposure=np.ones((views, 3)),
        identity=identity(),
        expression=np.zeros(head.n_expression),
        neutral_mm=vertices,
        vertices_mm=vertices,
        visible=np.ones((views, head.n_vertices)),
        detail_mm=vertices,  # with the inside of the mouth, as synthesis has it
        detail_triangles=head.triangles,
        detail_face=np.isin(np.arange(head.n_vertices), head.parts["face_mask"]),
        landmarks68_mm=points,
        landmarks106_mm=np.zeros((106, 3)),
        landmarks134_mm=np.zeros((134, 3)),
        landmarks68_px=pixels,
        landmarks106_px=np.zeros((views, 106, 2)),
        landmarks134_px=np.zeros((views, 134, 2)),
        landmarks68_seen=np.ones((views, 68)),
        landmarks106_seen=np.ones((views, 106)),
        landmarks134_seen=np.ones((views, 134)),
        uv_position_mm=np.zeros((CHART, CHART, 3)),
        uv_normal=np.zeros((CHART, CHART, 3)),
        uv_displacement_mm=np.zeros((CHART, CHART)),
        uv_resting_mm=np.zeros((CHART, CHART)),
        uv_albedo=albedo,
        uv_specular=np.zeros((CHART, CHART, 2)),
        sh_light=np.zeros((9, 3)),
        light_direction=none,
        light_distance_mm=[],
        light_radius_mm=[],
        light_colour=none,
    )


def result(true, vertices=None, known=False, turn_deg=0.0):
    """What the line would have made of the truth's pictures.

    Args:
        true: the truth.
        vertices: (n_vertices, 3) mm of the fitted head; None = the true ones.
        known: the cameras are known.
        turn_deg: by which the found poses are wrong.
    """
    head = model()
    vertices = true.vertices_mm if vertices is None else vertices
    views = len(true.focal_px)
    found = true.world_to_camera.astype(np.float64)
    if turn_deg:
        found = np.stack([turned(camera, turn_deg) for camera in found])
    points = head.landmarks["ibug68"].on(np.asarray(vertices, np.float64), head.triangles)
    capture = Capture(
        subject="anna",
        path=["anna.png"] * views,
        sha256=["0" * 64] * views,
        image=np.zeros((views, SIDE, SIDE, 3)),
        original_size=np.full((views, 2), SIDE),
        working_to_original=np.ones((views, 2)),
        focal_px=true.focal_px if known else np.full(views, np.nan),
        focal_source=["camera" if known else "none"] * views,
        centre_px=true.centre_px,
        world_to_camera=true.world_to_camera if known else np.full((views, 3, 4), np.nan),
        length_unit="mm",
        distortion=np.zeros((views, 8)),
        mask=[np.zeros((0, 0))] * views,
        view=[f"{i:02d}" for i in range(views)],
    )
    landmarks = Landmarks(
        scheme="ibug68",
        points_px=true.landmarks68_px,
        sigma_px=np.ones((views, 68)),
        depth_px=np.full((views, 68), np.nan),
        ibug68_px=true.landmarks68_px,
        ibug68_sigma_px=np.ones((views, 68)),
        presence=np.ones(views),
    )
    bare = np.isin(np.stack(true.part), [PART_LABELS.index(name) for name in ("skin", "nose")])
    fit = FaceFit(
        model=head.name,
        method="optimise",
        identity=true.identity,
        identity_covariance=np.eye(head.n_identity),
        albedo=np.zeros(head.n_albedo),
        expression=np.zeros((views, head.n_expression)),
        expression_sigma=np.zeros((views, head.n_expression)),
        world_to_camera=found,
        focal_px=true.focal_px,
        focal_sigma=np.full(views, 0.1),
        centre_px=true.centre_px,
        light=np.zeros((views, 9, 3)),
        vertices=vertices,
        vertex_sigma_mm=np.full(head.n_vertices, SIGMA_MM),
        landmarks_px=project(points, found, true.focal_px, true.centre_px),
        landmarks_mm=np.broadcast_to(points, (views, 68, 3)),
        reprojection_px=np.zeros(views),
        interocular_px=np.ones(views),
    )
    texture = Texture(rgb=true.uv_albedo, weight=np.ones((CHART, CHART)))
    skin = SkinMask(probability=255 * bare)
    return Result(capture, landmarks, skin, fit, texture, albedo=_albedo(true, views))


def _albedo(true, views):
    """The true albedo under a white light."""
    field = np.ones((CHART, CHART))
    return Albedo(
        method="inverse",
        rgb=true.uv_albedo,
        weight=field,
        specular=field,
        roughness=field,
        gloss_weight=field,
        light=np.zeros((views, 9, 3)),
        local_light=np.zeros((views, 8, 8, 9, 3)),
        white=np.ones((views, 3)),
        white_source=("camera",) * views,
        ita_deg=30.0,
        ita_sigma_deg=8.0,
    )


def turned(camera, degrees):
    """A camera that is rolled."""
    turn = np.radians(degrees)
    about = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    return np.column_stack([np.array(about) @ camera[:, :3], camera[:, 3]])
