"""The UV network as a method: its light becomes ours to the colour, and heads stay whole."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lib.albedo import AlbedoOptions, AlbedoTools, recover_albedo
from lib.albedo.face_chart import face_chart
from lib.albedo.network import UVNetMethod
from lib.albedo.photo import chart_photos
from lib.albedo.prior import prior_of
from lib.errors import ConfigError, MissingModelError
from lib.facemodel import load_face_model
from lib.geometry import vertex_normals
from lib.imaging import linear_to_srgb, srgb_to_linear
from lib.networks.uv_albedo import UVMaps, UVNet, UVNetOptions, packed
from lib.render import irradiance
from lib.render.encoded_light import (
    encoded_light,
    encoded_shading,
    linear_light,
    linear_lights,
    linear_lights_on,
)
from tests.albedo.painted import paint

SIDE = 256
SMALL = UVNetOptions(width=4, blocks=1)


@pytest.fixture(scope="module")
def model():
    return load_face_model("makehuman")


@pytest.fixture(scope="module")
def inverse(model):
    return AlbedoTools.load(AlbedoOptions(uv_size=SIDE), model)


class Told(torch.nn.Module):
    """Tells the prior albedo, a third brighter, and a light with a step in its middle."""

    GAMMA = np.tile([0.2, 0.05, 0.15, -0.1, 0, 0, 0.02, 0, 0], 3).astype(np.float32)

    def forward(self, maps):
        albedo = ((maps[:, 3:] + 1) / 2 * 1.1).clamp(0, 1)
        light = torch.from_numpy(self.GAMMA)[None, :, None, None].repeat(1, 1, *maps.shape[2:])
        light[:, ::9, :, maps.shape[3] // 2 :] += 0.1
        return UVMaps(albedo, light)


def random_unit(count, seed=0):
    normals = np.random.default_rng(seed).normal(size=(count, 3))
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def test_many_lights_become_linear_as_one_does():
    gammas = np.random.default_rng(1).normal(0, 0.2, (5, 27)).astype(np.float32)
    expected = np.stack([linear_light(gamma, np.eye(3)) for gamma in gammas])
    np.testing.assert_allclose(linear_lights(gammas), expected, atol=2e-4)


def test_places_look_the_same_in_encoded_and_in_linear_light():
    rng = np.random.default_rng(2)
    albedo, normals = rng.uniform(0.05, 1, (400, 3)), random_unit(400)
    normals[:, 2] = np.abs(normals[:, 2])
    gammas = rng.normal(0, 0.15, (400, 27))
    published = np.stack([
        a * encoded_shading(n, g) for a, n, g in zip(albedo, normals, gammas, strict=True)
    ])  # fmt: skip
    lights = linear_lights_on(albedo, gammas, normals)
    ours = np.stack([irradiance(n, light) for n, light in zip(normals, lights, strict=True)])
    wanted = srgb_to_linear(np.clip(published, 0, None))
    np.testing.assert_allclose(srgb_to_linear(albedo) * ours, wanted, atol=2e-5)


def test_light_of_a_place_is_nearly_that_of_other_normals_there():
    light = np.zeros((9, 3))
    light[0], light[2], light[3] = 2.5, 1.0, -0.5
    gamma = encoded_light(light, np.eye(3))
    normals = random_unit(200, 5)
    normals[:, 2] = np.abs(normals[:, 2])
    (found,) = linear_lights_on(np.full((1, 3), 0.6), gamma[None], np.array([[0, 0, 1.0]]))
    np.testing.assert_allclose(
        irradiance(normals, found), irradiance(normals, light), atol=0.08
    )  # of about 1


@pytest.fixture(scope="module")
def recovered(model, inverse, tmp_path_factory):
    folder = tmp_path_factory.mktemp("painted")
    painted = paint(model, folder, model.albedo(np.zeros(model.n_albedo)))
    method = UVNetMethod(Told(), face_chart(model, 128))
    options = AlbedoOptions(method="face_texture", uv_size=SIDE)
    found = recover_albedo([painted.source], options, replace(inverse, method=method))
    base = recover_albedo([painted.source], AlbedoOptions(uv_size=SIDE), inverse)
    return method, found[0], base[0]


def inner_face(method, size):
    """(size, size) bool: texels that the network alone tells."""
    mask = method._share(size) > 0.999
    return mask & method.face.head_mask(size)


def test_the_face_has_the_albedo_that_the_network_tells_even_where_it_is_not_seen(model, recovered):
    method, found, _ = recovered
    coarse = model.albedo(np.zeros(model.n_albedo))
    wanted = method.face.to_head(method.face.drawn(coarse), SIDE)
    wanted = srgb_to_linear(np.clip(1.1 * linear_to_srgb(wanted), 0, 1))
    inner = inner_face(method, SIDE)
    unseen = inner & (found.weight == 0)
    assert inner.sum() > 10_000 and unseen.sum() > 500
    off = np.abs(found.rgb.astype(np.float32) / np.maximum(wanted, 1e-3) - 1)
    assert np.quantile(off[inner], 0.95) < 0.03 and np.quantile(off[unseen], 0.9) < 0.06


def test_the_network_sees_the_lips_and_the_photo_in_its_own_colours(model, inverse, tmp_path):
    coarse = model.albedo(np.zeros(model.n_albedo))
    painted = paint(model, tmp_path, coarse)
    fit = painted.source.fit
    (photo,) = chart_photos(inverse.chart, painted.source)
    lips = np.zeros(model.n_vertices)
    lips[model.parts["lower_lip"]] = 1
    on_lips = inverse.chart.spread(lips[:, None])[..., 0] > 0.9
    photo = replace(photo, skin=np.where(on_lips, 0, photo.skin))  # as a skin mask has them
    face = face_chart(model, 128)
    found = UVNetMethod(Told(), face).prior(photo)
    other = prior_of(face, fit, 0, painted.source.capture.image[0])  # as in training
    both = (found.seen > 0.5) & (other.seen > 0.5)
    shown = face.from_head(on_lips[..., None].astype(np.float32))[..., 0] > 0.9
    assert (both & shown).sum() > 0.5 * shown.sum() > 50
    assert np.median(np.abs(found.photo - other.photo)[both]) < 0.01
    assert np.abs(found.coarse - other.coarse)[both].max() < 0.05
    assert np.median((found.normal * other.normal).sum(axis=2)[both]) > 0.995
    np.testing.assert_array_equal(found.gamma, other.gamma)


def test_the_rest_of_the_head_is_the_inverse_methods_and_nothing_is_a_hole(recovered):
    method, found, base = recovered
    far = method._share(SIDE) == 0
    far &= cv2.erode(far.astype(np.uint8), np.ones((5, 5))) > 0
    seen = far & (base.weight > 0.5)
    off = np.abs(found.rgb[seen].astype(np.float32) / base.rgb[seen].astype(np.float32) - 1)
    assert np.median(off) < 0.01 and np.quantile(off, 0.95) < 0.05
    rgb = found.rgb.astype(np.float32)
    assert np.isfinite(rgb).all() and rgb.min() > 0
    np.testing.assert_array_equal(found.weight, base.weight)
    assert found.method == "face_texture"


def test_albedo_times_light_is_the_picture_that_the_network_drew(inverse, recovered):
    method, found, _ = recovered
    size = found.local_light.shape[1]
    face = method.face
    normals = face.drawn(vertex_normals(face.model.mean, face.model.triangles))
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    albedo = 1.1 * linear_to_srgb(face.drawn(face.model.albedo(np.zeros(face.model.n_albedo))))
    step = np.where(np.arange(face.side) >= face.side // 2, 0.1, 0)[None, :, None]
    gamma = Told.GAMMA.copy()
    shading = encoded_shading(normals, gamma) + step * 0.8862269
    published = srgb_to_linear(np.clip(albedo * shading, 0, None))
    wanted = face.to_head(published, size)
    light = found.light[0] + found.local_light[0].astype(np.float32)
    small = face.to_head(normals, size)
    small /= np.maximum(np.linalg.norm(small, axis=2, keepdims=True), 1e-9)
    ours = face.to_head(srgb_to_linear(albedo), size) * np.stack(
        [[irradiance(small[r, c], light[r, c]) for c in range(size)] for r in range(size)]
    )
    inner = inner_face(method, size)
    off = np.abs(ours - wanted)[inner] / wanted[inner].mean()
    assert inner.sum() > 2000 and np.median(off) < 0.01 and np.quantile(off, 0.95) < 0.06


def test_the_same_photo_gives_the_same_bytes(model, inverse, tmp_path):
    painted = paint(model, tmp_path, model.albedo(np.zeros(model.n_albedo)), yaw_deg=40)
    torch.manual_seed(0)
    method = UVNetMethod(UVNet(SMALL).eval(), face_chart(model, 64))
    one, two = (
        recover_albedo([painted.source], AlbedoOptions(uv_size=SIDE), replace(inverse, method=m))
        for m in (method, method)
    )
    assert one[0].rgb.tobytes() == two[0].rgb.tobytes()
    assert one[0].local_light.tobytes() == two[0].local_light.tobytes()


def test_weights_are_loaded_for_their_chart_and_head_alone(model, tmp_path):
    path = tmp_path / "albedo.pt"
    options = AlbedoOptions(method="learned", weights=str(path), uv_size=SIDE)
    with pytest.raises(ConfigError, match=r"albedo\.method is learned, but albedo\.weights is emp"):
        AlbedoTools.load(replace(options, weights=""), model)
    with pytest.raises(MissingModelError, match=r"albedo\.pt is not there"):
        AlbedoTools.load(options, model)
    network = UVNet(SMALL)
    torch.save({"generator": network.state_dict()}, path)
    with pytest.raises(ConfigError, match=r"are of chart 'published', but albedo\.chart is ''"):
        AlbedoTools.load(options, model)
    torch.save(packed(network, "face", 64, "ict"), path)
    with pytest.raises(ConfigError, match=r"trained with head model 'ict', face_model is 'makehum"):
        AlbedoTools.load(options, model)
    torch.save(packed(network, "face", 64, "makehuman"), path)
    tools = AlbedoTools.load(options, model)
    assert tools.method.face.side == 64 and tools.method.network.options == SMALL
    placed = AlbedoTools.load(options, model, "meta").method.network
    assert {weight.device.type for weight in placed.state_dict().values()} == {"meta"}
