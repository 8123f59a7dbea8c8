import numpy as np
import pytest
import trimesh

from lib.errors import ShapeError
from lib.render import (
    Paint,
    PreviewOptions,
    interpolate,
    render_buffers,
    render_head,
    sample_texture,
    turntable_cameras,
)

BALL = trimesh.creation.uv_sphere(100.0)
VERTICES = np.asarray(BALL.vertices, np.float32)
TRIANGLES = np.asarray(BALL.faces, np.int32)
SIZE = (70, 90)


@pytest.fixture(scope="module")
def camera():
    return turntable_cameras(VERTICES, SIZE, yaws_deg=[30])[0]


def textured(generator):
    uv = generator.uniform(-0.1, 1.1, (len(VERTICES), 2)).astype(np.float32)
    return Paint(texture=generator.random((32, 48, 3), np.float32), uv=uv, uv_triangles=TRIANGLES)


def test_paint_is_the_texture_at_the_interpolated_coordinates(camera):
    paint = textured(np.random.default_rng(3))
    buffers = render_buffers(VERTICES, TRIANGLES, *camera, size=SIZE)
    expected = sample_texture(paint.texture, interpolate(buffers, paint.uv, TRIANGLES))
    found = paint.on(buffers, TRIANGLES)[buffers.mask]
    np.testing.assert_allclose(found, expected[buffers.mask], atol=2e-5)


def test_sub_pixels_are_averaged_in_linear_light_on_the_background(camera):
    paint = textured(np.random.default_rng(4))
    options = PreviewOptions(studio=0, supersample=3, exposure=1.3, background=(20, 120, 220))
    picture = render_head(VERTICES, TRIANGLES, camera, SIZE, paint, options)
    buffers = render_buffers(VERTICES, TRIANGLES, *camera, size=SIZE, supersample=3)
    behind = _linear(np.array([20, 120, 220]) / 255)
    colour = np.clip(1.3 * paint.on(buffers, TRIANGLES), 0, 1)
    fine = np.where(buffers.mask[..., None], colour, behind)
    expected = fine.reshape(SIZE[0], 3, SIZE[1], 3, 3).mean(axis=(1, 3))
    found = _linear(picture[..., :3] / 255)
    np.testing.assert_allclose(found, expected, atol=0.006)
    assert (picture[..., 3] == 255).all()


def test_a_transparent_picture_is_not_premultiplied(camera):
    white = Paint(colours=np.ones((len(VERTICES), 3), np.float32))
    options = PreviewOptions(studio=0, supersample=2, background=None)
    picture = render_head(VERTICES, TRIANGLES, camera, SIZE, white, options)
    assert set(np.unique(picture[..., 3])) == {0, 64, 128, 191, 255}
    assert (picture[picture[..., 3] > 0][:, :3] == 255).all()


def test_studio_light_is_seen_from_the_camera_whatever_the_model_frame(camera):
    options = PreviewOptions(background=None, supersample=2)
    picture = render_head(VERTICES, TRIANGLES, camera, SIZE, options=options)
    turn = trimesh.transformations.euler_matrix(0.4, -0.7, 0.2)[:3, :3]
    pose = camera.world_to_camera.copy()
    pose[:, :3] = pose[:, :3] @ turn.T
    turned = (VERTICES @ turn.T).astype(np.float32)
    other = render_head(
        turned, TRIANGLES, camera._replace(world_to_camera=pose), SIZE, options=options
    )
    solid = (picture[..., 3] == 255) & (other[..., 3] == 255)
    assert np.abs(picture[solid].astype(int) - other[solid]).max() <= 1


def test_a_grey_texture_is_refused(camera):
    flat = Paint(np.zeros(0), np.zeros((4, 4)), np.zeros((3, 2)), TRIANGLES)
    with pytest.raises(ShapeError, match=r"\(H, W, 3\)"):
        render_head(VERTICES, TRIANGLES, camera, SIZE, flat)


def _linear(encoded):
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
