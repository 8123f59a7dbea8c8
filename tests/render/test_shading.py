"""Spherical-harmonic light, textures, visibility and preview pictures."""

import numpy as np
import pytest

from lib.geometry import sphere_directions, vertex_normals
from lib.render import (
    SH_COSINE,
    Y00,
    Camera,
    Paint,
    PreviewOptions,
    ambient_light,
    corners_seen,
    distant_light,
    facing,
    fill_margins,
    render_buffers,
    render_head,
    sample_texture,
    sh_basis,
    shade,
    turntable_cameras,
    visible,
)

N_DIRECTIONS = 200_000


def sphere(radius_mm: float = 100.0, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and outward triangles of a sphere around the origin."""
    import trimesh

    mesh = trimesh.creation.uv_sphere(radius=radius_mm, count=[n, 2 * n])
    return np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32)


def test_the_harmonics_are_orthonormal_and_in_the_promised_order():
    normals = sphere_directions(N_DIRECTIONS)
    basis = sh_basis(normals)
    np.testing.assert_allclose(basis.T @ basis * 4 * np.pi / len(normals), np.eye(9), atol=1e-4)
    x, y, z = normals.T
    shapes = [0 * x + 1, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
    for k, shape in enumerate(shapes):
        assert (basis[:, k] * shape).mean() / np.sqrt((shape**2).mean()) == pytest.approx(
            1 / np.sqrt(4 * np.pi), abs=1e-4
        )


def test_shading_is_the_cosine_integral_of_the_light():
    rng = np.random.default_rng(0)
    light = rng.normal(size=(9, 1)) * [[1.0, 0.5, 2.0]]
    incoming = sphere_directions(N_DIRECTIONS)
    radiance = sh_basis(incoming) @ light
    for normal in rng.normal(size=(5, 3)):
        normal = normal / np.linalg.norm(normal)
        cosine = np.maximum(incoming @ normal, 0)[:, None]
        reflected = (radiance * cosine).mean(axis=0) * 4 * np.pi / np.pi
        np.testing.assert_allclose(shade(np.ones(3), normal, light), reflected, atol=2e-4)


def test_even_light_shows_the_albedo_itself():
    albedo = np.array([[0.2, 0.3, 0.4]])
    assert ambient_light()[0, 0] == pytest.approx(3.5449, abs=1e-4)
    np.testing.assert_allclose(shade(albedo, np.array([[0, 0.6, 0.8]]), ambient_light()), albedo)
    assert SH_COSINE[0] * Y00 * ambient_light()[0, 0] == pytest.approx(1)
    toward = shade(np.ones(3), np.array([0.0, 0, 1]), distant_light(np.array([0, 0, 5.0])))
    np.testing.assert_allclose(toward, 1.0625, atol=1e-4)


def test_texture_look_up_returns_texels_at_their_centres_and_means_between():
    texture = np.arange(24, dtype=np.float32).reshape(4, 6, 1)
    rows, columns = np.mgrid[:4, :6]
    centres = np.stack([(columns + 0.5) / 6, 1 - (rows + 0.5) / 4], axis=-1)
    np.testing.assert_allclose(sample_texture(texture, centres), texture, atol=1e-5)
    assert sample_texture(texture, np.array([2 / 6, 0.5]))[0] == pytest.approx(
        texture[1:3, 1:3].mean()
    )
    assert sample_texture(texture, np.array([-3.0, 9.0]))[0] == 0  # clamped: top left


def test_margins_take_the_colour_of_the_nearest_filled_texel():
    texture = np.zeros((9, 9, 1), np.float32)
    mask = np.zeros((9, 9), bool)
    texture[4, 1], texture[4, 7] = 2.0, 5.0
    mask[4, 1] = mask[4, 7] = True
    filled = fill_margins(texture, mask)
    assert set(np.unique(filled)) == {2.0, 5.0}
    assert (filled[:, :4] == 2).all() and (filled[:, 5:] == 5).all()
    near = fill_margins(texture, mask, pixels=1.0)
    assert (near != 0).sum() == 10


def test_a_sphere_shows_its_near_half_and_hides_what_is_behind_it():
    vertices, triangles = sphere()
    both = np.concatenate([vertices, vertices * 0.3 - [0, 0, 300]]).astype(np.float32)
    joined = np.concatenate([triangles, triangles + len(vertices)])
    pose = np.column_stack([np.diag([1.0, -1.0, -1.0]), [0.0, 0.0, 1000.0]])
    camera = Camera(pose, 800.0, np.array([127.5, 127.5]))
    buffers = render_buffers(both, joined, *camera, size=(256, 256))
    points = 100 * sphere_directions(2000)
    normals = points / 100
    seen = visible(points, normals, buffers, camera)
    np.testing.assert_array_equal(seen, facing(points, normals, camera) > 0)
    behind = visible(0.3 * points - [0, 0, 300], normals, buffers, camera)
    assert not behind.any()


def test_the_published_rule_counts_hidden_corners_of_triangles_that_are_seen():
    """A small ball half behind a large one: on its edge corners of seen triangles are hidden."""
    vertices, triangles = sphere()
    both = np.concatenate([vertices, vertices * 0.5 + [90, 0, -200]]).astype(np.float32)
    joined = np.concatenate([triangles, triangles + len(vertices)])
    pose = np.column_stack([np.diag([1.0, -1.0, -1.0]), [0.0, 0.0, 1000.0]])
    camera = Camera(pose, 800.0, np.array([127.5, 127.5]))
    buffers = render_buffers(both, joined, *camera, size=(256, 256))
    theirs = corners_seen(both, joined, buffers, camera)
    true = visible(both, vertex_normals(both, joined), buffers, camera)
    assert not theirs[both[:, 2] < -210].any()  # turned away
    small = np.arange(len(both)) >= len(vertices)
    assert (theirs & ~true & small).sum() > 10
    assert (true & ~theirs).sum() < 0.05 * true.sum()  # slivers that hold no pixel centre


def test_points_outside_the_viewport_are_not_visible():
    vertices, triangles = sphere()
    pose = np.column_stack([np.diag([1.0, -1.0, -1.0]), [0.0, 0.0, 1000.0]])
    camera = Camera(pose, 800.0, np.array([127.5, 127.5]))
    buffers = render_buffers(vertices, triangles, *camera, size=(256, 128), origin=(128, 0))
    points = 100 * sphere_directions(2000)
    seen = visible(points, points / 100, buffers, camera)
    whole = render_buffers(vertices, triangles, *camera, size=(256, 256))
    expected = visible(points, points / 100, whole, camera) & (points[:, 0] > 0)
    assert (seen == expected).mean() > 0.999


def test_a_preview_is_anti_aliased_lit_from_above_left_and_has_its_background():
    vertices, triangles = sphere()
    camera = turntable_cameras(vertices, (120, 100), yaws_deg=[0])[0]
    picture = render_head(
        vertices, triangles, camera, (120, 100), options=PreviewOptions(background=None)
    )
    alpha = picture[..., 3]
    assert picture.dtype == np.uint8 and picture.shape == (120, 100, 4)
    assert alpha[0, 0] == 0 and alpha[60, 50] == 255
    assert ((alpha > 0) & (alpha < 255)).sum() > 100
    radius = 0.44 * 100
    assert (alpha / 255).sum() == pytest.approx(np.pi * radius**2, rel=0.01)
    assert picture[40, 35, 0] > picture[80, 65, 0] + 30
    white = render_head(vertices, triangles, camera, (120, 100))
    np.testing.assert_array_equal(white[0, 0], [245, 245, 245, 255])


def test_without_studio_light_a_preview_shows_the_colours_as_they_are():
    vertices, triangles = sphere()
    camera = turntable_cameras(vertices, (64, 64), yaws_deg=[0])[0]
    colours = np.full((len(vertices), 3), 0.2158605, np.float32)  # sRGB 128
    plain = PreviewOptions(studio=0.0)
    picture = render_head(vertices, triangles, camera, (64, 64), Paint(colours=colours), plain)
    np.testing.assert_array_equal(picture[32, 32], [128, 128, 128, 255])
    lit = render_head(
        vertices, triangles, camera, (64, 64), Paint(colours=colours), light=ambient_light()
    )
    np.testing.assert_array_equal(lit[32, 32], [128, 128, 128, 255])


def test_turntable_cameras_turn_the_face_to_its_left_for_positive_yaw_and_frame_it():
    vertices, triangles = sphere()
    nose = np.array([[0.0, 0.0, 100.0]])
    for yaw, camera in zip((-45, 0, 45), turntable_cameras(vertices, (80, 60), (-45, 0, 45))):
        inside = nose @ camera.world_to_camera[:, :3].T + camera.world_to_camera[:, 3]
        assert np.sign(np.round(inside[0, 0], 6)) == np.sign(yaw)
        buffers = render_buffers(vertices, triangles, *camera, size=(80, 60))
        columns = np.nonzero(buffers.mask.any(axis=0))[0]
        assert columns[0] >= 2 and columns[-1] <= 57 and len(columns) > 48
