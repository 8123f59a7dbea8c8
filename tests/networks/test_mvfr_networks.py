import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lib.errors import MissingModelError
from lib.networks.checkpoints import CheckpointError, count_parameters
from lib.networks.mvfr import (
    ImplicitNet,
    RegulariserNet,
    load_implicit,
    load_regulariser,
    look_up,
    soft_argmax,
)
from tests.networks.published import envelope, implicit_shapes, made_up, regulariser_shapes

EPSILON = 1e-5


def test_the_networks_have_as_many_parameters_as_published():
    network = ImplicitNet()
    assert count_parameters(network.image_filter) == 224_384
    assert count_parameters(network.surface_classifier) == 822_273
    assert count_parameters(RegulariserNet()) == 1_167


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        (ImplicitNet("group"), implicit_shapes("group")),
        (ImplicitNet("batch"), implicit_shapes("batch")),
        (RegulariserNet(), regulariser_shapes()),
    ],
)
def test_keys_and_shapes_are_those_of_the_published_checkpoints(network, shapes):
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == shapes


def filtered(state, image, norm):
    """The feature network, written out."""
    p = "image_filter."
    x = F.conv2d(image, state[p + "conv0.weight"], state[p + "conv0.bias"], stride=2, padding=2)
    for index in range(2, 8):
        x = F.conv2d(x, state[f"{p}conv{index}.conv.weight"], padding=1)
        q = f"{p}conv{index}.bn."
        if norm == "group":
            n, c, h, w = x.shape
            groups = x.reshape(n, 32, -1)
            mean = groups.mean(-1, keepdim=True)
            spread = groups.var(-1, unbiased=False, keepdim=True)
            x = ((groups - mean) / (spread + EPSILON).sqrt()).reshape(n, c, h, w)
        else:
            mean, spread = (
                state[q + name][:, None, None] for name in ("running_mean", "running_var")
            )
            x = (x - mean) / (spread + EPSILON).sqrt()
        x = (x * state[q + "weight"][:, None, None] + state[q + "bias"][:, None, None]).clamp_min(0)
    return F.conv2d(x, state[p + "feature.weight"], state[p + "feature.bias"], padding=1)


@pytest.mark.parametrize("norm", ["group", "batch"])
def test_features_are_those_of_the_written_out_network(tmp_path, norm):
    state = made_up(implicit_shapes(norm))
    torch.save(envelope(state), tmp_path / "checkpoint_if.pkl")
    network = load_implicit(tmp_path / "checkpoint_if.pkl")
    image = torch.rand(1, 3, 22, 30, generator=torch.Generator().manual_seed(3)) * 255
    with torch.no_grad():
        found = network.features(image)
    assert found.shape == (1, 128, 11, 15)
    torch.testing.assert_close(found, filtered(state, image, norm), rtol=1e-3, atol=1e-3)


def test_the_classifier_is_leaky_between_and_a_sigmoid_at_the_end(tmp_path):
    state = made_up(implicit_shapes(), seed=1)
    torch.save(state, tmp_path / "plain.pkl")
    network = load_implicit(tmp_path / "plain.pkl")
    assert network.long_side_px == 1296
    x = torch.rand(1, 129, 9, generator=torch.Generator().manual_seed(2)) * 4
    y = x[0].T.double()
    for index in range(5):
        p = f"surface_classifier.conv{index}."
        y = y @ state[p + "weight"][..., 0].T.double() + state[p + "bias"].double()
        y = torch.where(y > 0, y, 0.01 * y) if index < 4 else 1 / (1 + torch.exp(-y))
    with torch.no_grad():
        found = network.surface_classifier(x)[0, 0]
    torch.testing.assert_close(found.double(), y[:, 0], rtol=1e-4, atol=1e-5)


def test_the_regulariser_is_the_written_out_u_net(tmp_path):
    state = made_up(regulariser_shapes(), seed=4)
    torch.save(envelope(state), tmp_path / "checkpoint_reg.pkl")
    network = load_regulariser(tmp_path / "checkpoint_reg.pkl")
    volume = torch.rand(1, 1, 13, 8, 12, generator=torch.Generator().manual_seed(5))

    def normed(x, name):
        arguments = [state[f"{name}.{part}"] for part in ("running_mean", "running_var")]
        arguments += [state[f"{name}.weight"], state[f"{name}.bias"]]
        return F.batch_norm(x, *arguments, training=False).clamp_min(0)

    def block(x, index, stride):
        x = F.conv3d(x, state[f"conv{index}.conv.weight"], stride=stride, padding=1)
        return normed(x, f"conv{index}.bn")

    def up(x, index):
        x = F.conv_transpose3d(
            x, state[f"conv{index}.0.weight"], stride=2, padding=1, output_padding=(0, 1, 1)
        )
        return normed(x, f"conv{index}.1")

    full = block(volume, 0, 1)
    half = block(block(full, 1, 2), 2, 1)
    quarter = block(block(half, 3, 2), 4, 1)
    assert [x.shape[2] for x in (full, half, quarter)] == [13, 7, 4]
    x = full + up(half + up(quarter, 9), 11)
    expected = F.conv3d(x, state["last_conv.weight"], state["last_conv.bias"], padding=1)
    with torch.no_grad():
        torch.testing.assert_close(network(volume), expected, rtol=1e-4, atol=1e-5)


def test_a_published_volume_goes_from_201_to_51_and_back():
    network, depths = RegulariserNet().eval(), []
    for block in (network.conv1, network.conv3, network.conv9, network.conv11):
        block.register_forward_hook(lambda *given: depths.append(given[2].shape[2]))
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 201, 8, 8)).shape == (1, 1, 201, 8, 8)
    assert depths == [101, 51, 101, 201]


@pytest.mark.parametrize(("count", "middle"), [(5, 2), (4, 2)])
def test_soft_argmax_counts_from_the_middle_hypothesis(count, middle):
    scores = torch.full((1, count, 1, count), -1e4)
    for column in range(count):
        scores[0, column, 0, column] = 0
    assert soft_argmax(scores)[0, 0].tolist() == [k - middle for k in range(count)]


def slow_look_up(feature, projection, point):
    """One point, all in double precision: the published shift and zeros outside."""
    _, channels, height, width = feature.shape
    x, y, z = projection @ np.append(point, 1)
    x, y = x / z, y / z
    x = (x / ((width - 1) / 2)) * width / 2 - 0.5  # -1..1 meant centres, is taken for edges
    y = (y / ((height - 1) / 2)) * height / 2 - 0.5
    value = np.zeros(channels)
    for column in (int(np.floor(x)), int(np.floor(x)) + 1):
        for row in (int(np.floor(y)), int(np.floor(y)) + 1):
            if 0 <= column < width and 0 <= row < height:
                weight = (1 - abs(x - column)) * (1 - abs(y - row))
                value += weight * feature[0, :, row, column].double().numpy()
    return value


def test_features_are_looked_up_with_the_published_shift():
    chance = np.random.default_rng(0)
    feature = torch.tensor(chance.random((1, 3, 7, 11)), dtype=torch.float32)
    projection = np.array([[12.0, 0, 5, 0], [0, 12, 3, 0], [0, 0, 1, 40]]).astype(np.float32)
    points = chance.uniform(-25, 25, (60, 3)).astype(np.float32)
    found = look_up(feature, torch.tensor(projection), torch.tensor(points)).T
    expected = np.array([slow_look_up(feature, projection, point) for point in points])
    assert (expected == 0).all(axis=1).any() and (expected != 0).any()
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_variance_is_that_of_the_population_of_all_views():
    network = ImplicitNet()
    chance = torch.Generator().manual_seed(0)
    features = [torch.rand(1, 128, 6, 8, generator=chance) for _ in range(5)]
    projections = [
        torch.tensor([[8.0, 0, 4 + k, 0], [0, 8, 3, 0], [0, 0, 1, 30]]) for k in range(5)
    ]
    points, told = torch.rand(7, 3, generator=chance), torch.linspace(-1, 1, 7)
    given = []
    network.surface_classifier.register_forward_pre_hook(lambda _, x: given.append(x[0]))
    with torch.no_grad():
        network.respond(features, projections, points, told)
    values = torch.stack([look_up(*pair, points) for pair in zip(features, projections)])
    torch.testing.assert_close(
        given[0][0, :128], values.var(0, unbiased=False), rtol=1e-3, atol=1e-5
    )
    assert torch.equal(given[0][0, 128], told)


def damaged(state, change):
    state = dict(state)
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("last_conv.bias"), r"1 missing: last_conv\.bias\. Expected"),
        (lambda s: s.update(extra=torch.zeros(1)), r"1 unknown: extra"),
        (
            lambda s: s.update({"last_conv.bias": torch.zeros(3)}),
            r"1 misshapen: last_conv\.bias \(3,\) instead of \(1,\)",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_told_by_its_keys(tmp_path, change, message):
    path = tmp_path / "checkpoint_reg.pkl"
    torch.save(envelope(damaged(made_up(regulariser_shapes()), change)), path)
    with pytest.raises(CheckpointError, match=message):
        load_regulariser(path)


def test_the_other_networks_checkpoint_is_refused_with_a_short_list(tmp_path):
    path = tmp_path / "checkpoint_if.pkl"
    torch.save(envelope(made_up(regulariser_shapes())), path)
    with pytest.raises(
        CheckpointError, match=r"missing: .*\.\.\.; .* unknown: .*\.\.\.\. Expected"
    ):
        load_implicit(path)


def test_files_that_are_no_weights_are_told(tmp_path):
    with pytest.raises(MissingModelError, match=r"checkpoint_if\.pkl"):
        load_implicit(tmp_path / "none.pkl")
    (tmp_path / "text.pkl").write_text("<html>")
    with pytest.raises(CheckpointError, match="cannot be read as weights"):
        load_implicit(tmp_path / "text.pkl")
    torch.save({"epoch": 3}, tmp_path / "empty.pkl")
    with pytest.raises(CheckpointError, match="holds no weights"):
        load_implicit(tmp_path / "empty.pkl")


class Harmful:
    def __reduce__(self):
        return print, ("run",)


def test_a_checkpoint_runs_no_code(tmp_path, capsys):
    torch.save({"model_state_dict": Harmful()}, tmp_path / "harmful.pkl")
    with pytest.raises(CheckpointError, match="cannot be read as weights"):
        load_implicit(tmp_path / "harmful.pkl")
    assert capsys.readouterr().out == ""


def test_losses_as_numpy_numbers_and_names_of_several_gpus_are_taken(tmp_path):
    state = made_up(regulariser_shapes())
    content = envelope({f"module.{name}": value for name, value in state.items()})
    content["loss_list"] = [np.float64(0.5), np.float32(0.25)]
    torch.save(content, tmp_path / "checkpoint_reg.pkl")
    loaded = load_regulariser(tmp_path / "checkpoint_reg.pkl").state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)
