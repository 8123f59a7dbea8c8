"""Networks that tell parts: the published layout, our own, and where their crops lie."""

import numpy as np
import pytest
import torch

from lib.errors import ConfigError, MissingModelError
from lib.networks.bisenet import BiSeNet, load_bisenet
from lib.networks.checkpoints import CheckpointError
from lib.networks.parser import MARGIN, SIDE, Parser, load_parser, parser_crop
from lib.parsing import FaceParser, ParsingOptions, parse_parts
from tests.synthetic_head import synthetic_case, synthetic_model

CPU = torch.device("cpu")
# Some of the names and shapes of 79999_iter.pth, and how many it has.
PUBLISHED = {
    "cp.resnet.conv1.weight": (64, 3, 7, 7),
    "cp.resnet.layer2.0.downsample.1.running_var": (128,),
    "cp.resnet.layer4.1.bn2.num_batches_tracked": (),
    "cp.arm16.conv.conv.weight": (128, 256, 3, 3),
    "cp.arm32.bn_atten.bias": (128,),
    "cp.conv_head16.bn.weight": (128,),
    "cp.conv_avg.conv.weight": (128, 512, 1, 1),
    "ffm.convblk.conv.weight": (256, 256, 1, 1),
    "ffm.conv1.weight": (64, 256, 1, 1),
    "conv_out.conv_out.weight": (19, 256, 1, 1),
    "conv_out32.conv.conv.weight": (64, 128, 3, 3),
}


@pytest.fixture(scope="module")
def marks():
    case = synthetic_case(synthetic_model())
    return case.capture, case.landmarks


def test_the_published_layout_is_loaded_key_by_key(tmp_path):
    torch.manual_seed(0)
    state = BiSeNet().state_dict()
    assert {name: tuple(state[name].shape) for name in PUBLISHED} == PUBLISHED
    assert sum(name.endswith("num_batches_tracked") for name in state) == 31
    assert sum(value.dim() == 4 for value in state.values()) == 36
    assert len(state) == 191
    torch.save(state, tmp_path / "79999_iter.pth")
    loaded = load_bisenet(tmp_path / "79999_iter.pth")
    assert not loaded.training
    crop = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(loaded(crop), loaded(crop))
    assert loaded(crop).shape == (1, 19, 64, 64)
    torch.save({k: v for k, v in state.items() if "ffm" not in k}, tmp_path / "less.pth")
    with pytest.raises(CheckpointError, match=r"missing: ffm\.convblk"):
        load_bisenet(tmp_path / "less.pth")


def test_our_network_is_small_and_comes_back_from_its_file(tmp_path):
    torch.manual_seed(0)
    network = Parser().eval()
    assert sum(p.numel() for p in network.parameters()) < 300_000
    torch.save(network.state_dict(), tmp_path / "parser.pt")
    crop = torch.rand(2, 3, SIDE, SIDE)
    with torch.no_grad():
        torch.testing.assert_close(load_parser(tmp_path / "parser.pt")(crop), network(crop))
    with pytest.raises(MissingModelError, match="train_parser"):
        load_parser(tmp_path / "none.pt")


def test_the_crop_holds_the_points_with_its_margin():
    chance = np.random.default_rng(0)
    points = chance.uniform((100, 50), (180, 150), (68, 2))
    matrix = parser_crop(points, SIDE)
    inside = points @ matrix[:, :2].T + matrix[:, 2]
    assert inside.min() > 0 and inside.max() < SIDE
    extent = np.ptp(points, axis=0).max()
    assert matrix[0, 0] == pytest.approx(SIDE / (MARGIN * extent))


class _Bright(torch.nn.Module):
    """A parser that takes what is bright for a nose."""

    def forward(self, crop):
        scores = torch.zeros(len(crop), 9, *crop.shape[2:])
        scores[:, 0] = 5.0
        scores[:, 5] = 10.0 * (crop.mean(1) > 0.5)
        return scores


@pytest.mark.parametrize("size", [(300, 300), (1200, 1200)])
def test_labels_lie_where_their_pixels_are(size):
    image = np.full((*size, 3), 20, np.uint8)
    unit = size[0] // 30
    image[12 * unit : 15 * unit, 14 * unit : 18 * unit] = 250
    marks = np.random.default_rng(1).uniform(8 * unit, 22 * unit, (68, 2))
    found = FaceParser(_Bright(), "learned", CPU).parse(image, marks) == 5
    true = image[..., 0] > 128
    overlap = (found & true).sum() / (found | true).sum()
    assert overlap > 0.9
    rows, columns = (np.nonzero(found)[axis].mean() for axis in (0, 1))
    within = 0.4 / min(1.0, parser_crop(marks, SIDE)[0, 0])  # of a pixel of the crop
    assert abs(rows - np.nonzero(true)[0].mean()) < within
    assert abs(columns - np.nonzero(true)[1].mean()) < within


def test_a_view_without_landmarks_knows_no_part(marks):
    capture, landmarks = marks
    options = ParsingOptions(method="learned", weights="x")
    reader = FaceParser(_Bright(), "learned", CPU)
    found = parse_parts(capture, landmarks, reader, options)
    assert found.known.all() and found.label[0].shape == capture.image[0].shape[:2]
    nothing = landmarks.replace(ibug68_px=np.full_like(landmarks.ibug68_px, np.nan))
    assert not parse_parts(capture, nothing, reader, options).known.any()


class _LeftEyes(torch.nn.Module):
    """A parser that takes what is bright for left eyes."""

    def forward(self, crop):
        scores = torch.zeros(len(crop), 9, *crop.shape[2:])
        scores[:, 0] = 5.0
        scores[:, 2] = 10.0 * (crop.mean(1) > 0.5)
        return scores


def test_a_networks_eyes_take_the_side_of_their_landmarks(marks):
    capture, landmarks = marks
    points = np.array(landmarks.ibug68_px)
    points[0, 36:42], points[0, 42:48] = (80, 110), (120, 110)
    image = np.zeros_like(capture.image[0])
    for x in (80, 120):
        image[106:115, x - 6 : x + 7] = 255
    capture, landmarks = capture.replace(image=(image,)), landmarks.replace(ibug68_px=points)
    reader = FaceParser(_LeftEyes(), "learned", CPU)
    options = ParsingOptions(method="learned", weights="x")
    label = parse_parts(capture, landmarks, reader, options).label[0]
    assert label[110, 80] == 1 and label[110, 120] == 2


def test_method_none_tells_nothing():
    with pytest.raises(ConfigError, match=r"parsing\.method is 'none'"):
        FaceParser.load(ParsingOptions(), CPU)
    with pytest.raises(ConfigError, match="is not a folder"):
        FaceParser.load(ParsingOptions(method="files", masks="/nowhere"), CPU)
