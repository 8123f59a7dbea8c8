"""Files of weights that want to run code, or grow."""

import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch

from lib.displacement.network import load_network
from lib.errors import VisagraphError
from lib.networks.__main__ import main
from lib.networks.checkpoints import CheckpointError, read_checkpoint, read_weights
from lib.networks.mtcnn import load_mtcnn
from lib.networks.pix2pixhd import load_generator
from lib.networks.tf.crc32c import masked_crc32c
from lib.networks.tf.wire import field, fixed32
from lib.networks.tf_checkpoint import BundleError, TensorBundle
from lib.training.detail_layer.tfrecord import RecordError, find_records
from tests.fuzz.weights import PREFIX, SHARD, checkpoint, with_checksums, with_pickle


class Touch:
    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return os.system, (f"touch {self._path}",)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    "load",
    [
        lambda path: read_checkpoint(path, "weights"),
        load_generator,
        load_network,
        lambda path: load_mtcnn(path.parent),
    ],
)
def test_code_in_a_checkpoint_is_refused_and_does_not_run(tmp_path, load, packed):
    touched, path = tmp_path / "touched", tmp_path / "pnet.pt"
    content = {"weight": torch.ones(2), "about": Touch(touched)}
    torch.save(content, path, _use_new_zipfile_serialization=packed)
    with pytest.raises(VisagraphError, match=r"asks for posix\.system.* and is never run"):
        load(path)
    path.write_bytes(pickle.dumps(Touch(touched)))
    with pytest.raises(VisagraphError):
        load(path)
    assert not touched.exists()


class Trainer:
    """Something that only another program knows."""

    def __init__(self, network, touched):
        self.network, self.epoch, self.touched = network, 3, touched


def test_the_numbers_of_a_foreign_checkpoint_are_made_plain(tmp_path):
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    state = network.state_dict()
    for content in (
        {"state_dict": state, "trainer": Trainer(network, "x")},
        {"model": network},
        network,
    ):
        torch.save(content, tmp_path / "old.pt")
        with pytest.raises(CheckpointError, match="networks plain OLD NEW"):
            read_weights(tmp_path / "old.pt", "weights")
        assert main(["plain", str(tmp_path / "old.pt"), str(tmp_path / "new.pt")]) == 0
        found = read_weights(tmp_path / "new.pt", "weights")
        assert found.keys() == state.keys()
        assert all(torch.equal(found[name], state[name]) for name in state)


@pytest.mark.parametrize("packed", [True, False])
def test_making_plain_runs_nothing(tmp_path, packed, capsys):
    content = {"weight": torch.ones(2), "about": Touch(tmp_path / "touched")}
    torch.save(content, tmp_path / "old.pt", _use_new_zipfile_serialization=packed)
    assert main(["plain", str(tmp_path / "old.pt"), str(tmp_path / "new.pt")]) == 1
    assert "posix.system" in capsys.readouterr().err
    assert not (tmp_path / "touched").exists() and not (tmp_path / "new.pt").exists()


def test_losses_of_old_training_loops_beside_the_weights_are_read(tmp_path):
    (tmp_path / "a.pt").write_bytes(checkpoint())
    content = read_checkpoint(tmp_path / "a.pt", "weights")
    assert content["loss"] == 0.5 and content["epoch"] == 3
    assert set(read_weights(tmp_path / "a.pt", "weights")) == {"weight", "bias"}


def test_a_checkpoint_cannot_change_the_types_of_numpy(tmp_path):
    """A state given to the one data type of a kind would count for all arrays of the process."""
    state = (3, ">", None, None, None, -1, -1, 0)

    class Kind:
        def __reduce__(self):
            return np.dtype, ("f8", False, False), state

    (tmp_path / "a.pt").write_bytes(with_pickle(pickle.dumps({"x": Kind()}, 2), tmp_path))
    read_checkpoint(tmp_path / "a.pt", "weights")
    assert np.dtype("f8").isnative and np.array([1.0]).tobytes() == struct.pack("=d", 1)


def test_a_checkpoint_of_packed_parts_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", pickle.dumps({}))
        archive.writestr("a/data/0", bytes(2**26))
    with pytest.raises(CheckpointError, match="its parts would unpack to 671088"):
        read_checkpoint(tmp_path / "a.pt", "weights")


def test_one_value_that_calls_itself_many_is_refused(tmp_path):
    many = torch.ones(1).expand(2**40)
    torch.save({"weight": many}, tmp_path / "a.pt")
    assert (tmp_path / "a.pt").stat().st_size < 2**12
    with pytest.raises(CheckpointError, match=r"weight has shape \(1099511627776,\), of which"):
        read_weights(tmp_path / "a.pt", "weights")
    assert main(["plain", str(tmp_path / "a.pt"), str(tmp_path / "b.pt")]) == 1


@pytest.mark.parametrize("length", [2**31, 2**62, 2**64 - 1])
def test_a_record_of_an_absurd_length_is_refused(tmp_path, length):
    head = struct.pack("<Q", length)
    (tmp_path / "a.tfrecords").write_bytes(head + struct.pack("<I", masked_crc32c(head)) + b"x" * 9)
    with pytest.raises(RecordError, match=f"is {length} bytes long, expected at most"):
        find_records(tmp_path / "a.tfrecords")


@pytest.mark.parametrize(
    ("shape", "size", "offset"),
    [((2**30, 2**30), 2**62, 0), ((2**40,), 2**42, 0), ((4,), 16, 2**62)],
)
def test_a_tensor_of_an_absurd_size_or_place_is_refused(tmp_path, shape, size, offset):
    (tmp_path / SHARD).write_bytes(bytes(16))
    sizes = b"".join(field(2, field(1, side)) for side in shape)
    entry = field(1, 1) + field(2, sizes) + field(4, offset) + field(5, size) + fixed32(6, 0)
    head = field(1, 1) + field(3, field(1, 1))
    block = b"".join(
        bytes([0, len(key), len(value)]) + key + value
        for key, value in ((b"", head), (b"a", entry))
    )
    block += struct.pack("<2I", 0, 1)
    (tmp_path / f"{PREFIX}.index").write_bytes(with_checksums(block, tmp_path))
    with pytest.raises(BundleError, match=r"ends within a: (0|16) of"):
        TensorBundle(tmp_path / PREFIX).read("a")
