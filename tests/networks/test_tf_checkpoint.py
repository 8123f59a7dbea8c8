"""Checkpoints of TensorFlow: bytes that TensorFlow wrote are read, damaged ones are refused."""

import numpy as np
import pytest
from tf_files import literal_snappy, write_bundle

from lib.errors import MissingModelError
from lib.networks.tf.crc32c import crc32c, masked
from lib.networks.tf.snappy import decompress
from lib.networks.tf.wire import WireError, pack_varints, unpack_varints
from lib.networks.tf_checkpoint import BundleError, TensorBundle

# What tf.compat.v1.train.Saver of TensorFlow 2.21 wrote of three variables.
INDEX = (
    "00000608011a02080100150f46696e654d6f64656c2f636f6e7632642f6269617308011204120208012804355649"
    "d3311106156b65726e656c08011208120208021202080320042818359d65033f00100d676c6f62616c5f73746570"
    "5f66696e6508091200201c280835993c97b20000000001000000000d2e75ab000000000100000000c0f2a1b00001"
    "026800760000000001000000004d1b244b7b0888010e000000000000000000000000000000000000000000000000"
    "000000000000000000000057fb808b247547db"
)
DATA = "0000803e0000803f0000004000004040000080400000a0400000d0c01027000000000000"


@pytest.fixture
def tiny(tmp_path):
    (tmp_path / "fine-10000.index").write_bytes(bytes.fromhex(INDEX))
    (tmp_path / "fine-10000.data-00000-of-00001").write_bytes(bytes.fromhex(DATA))
    return tmp_path / "fine-10000"


def test_what_tensorflow_wrote_is_read(tiny):
    bundle = TensorBundle(tiny)
    names = ("FineModel/conv2d/bias", "FineModel/conv2d/kernel", "global_step_fine")
    assert bundle.names == names
    kernel, step = bundle.read(names[1]), bundle.read(names[2])
    assert kernel.dtype == np.float32 and kernel.tolist() == [[1, 2, 3], [4, 5, -6.5]]
    assert step.dtype == np.int64 and step.shape == () and step == 10000


def test_our_writer_of_tests_writes_what_tensorflow_wrote(tmp_path, tiny):
    tensors = {name: TensorBundle(tiny).read(name) for name in TensorBundle(tiny).names}
    write_bundle(tmp_path / "ours", tensors)
    assert (tmp_path / "ours.data-00000-of-00001").read_bytes() == bytes.fromhex(DATA)
    ours = TensorBundle(tmp_path / "ours")
    assert ours.entries == TensorBundle(tiny).entries


@pytest.mark.parametrize("compress", [None, literal_snappy])
def test_many_tensors_in_blocks_and_shards_come_back(tmp_path, compress):
    chance = np.random.default_rng(0)
    kinds = ("<f4", "<f8", "<i4", "<i8", "|b1", "<f2", "|u1")
    tensors = {
        f"Model/layer{k}/{kind[1:]}": chance.normal(0, 9, (k % 3, 2)).astype(kind)
        for k in range(30)
        for kind in kinds
    }
    write_bundle(tmp_path / "many", tensors, shards=3, per_block=17, compress=compress)
    bundle = TensorBundle(tmp_path / "many.index")
    assert bundle.names == tuple(sorted(tensors))
    for name, value in tensors.items():
        found = bundle.read(name)
        assert found.dtype == value.dtype and found.shape == value.shape
        assert np.array_equal(found, value)


def test_the_checksum_is_castagnolis():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(b"6789", crc32c(b"12345")) == 0xE3069283
    assert masked(0) == 0xA282EAD8


def test_snappy_blocks_of_literals_and_copies_are_read():
    packed = "321c7772696e6b6c65203a0800002c3e110024207772696e6b6c652c20"  # by Google's snappy
    assert decompress(bytes.fromhex(packed)) == b"wrinkle wrinkle wrinkle, " * 2


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        ("05", "0 bytes instead of the 5"),
        ("0210", "a literal of 5 bytes is cut off"),
        ("04006102ff00", "a copy from 255 bytes back, 1 are there"),
        ("ff", "a number at byte 0 is cut off"),
    ],
)
def test_damaged_snappy_blocks_are_refused(packed, message):
    with pytest.raises(WireError, match=message):
        decompress(bytes.fromhex(packed))


def test_packed_numbers_come_back():
    values = np.array([0, 1, 127, 128, 300, 2**40, -1, 2**63 - 1, -(2**63)])
    assert unpack_varints(pack_varints(values)).tolist() == values.tolist()
    assert unpack_varints(bytes([5, 18])).tolist() == [5, 18]
    with pytest.raises(WireError, match="cut off"):
        unpack_varints(bytes([5, 0x80]))


def test_a_damaged_tensor_is_refused_by_its_name(tiny):
    shard = tiny.with_name("fine-10000.data-00000-of-00001")
    data = bytearray(bytes.fromhex(DATA))
    data[5] ^= 1
    shard.write_bytes(bytes(data))
    bundle = TensorBundle(tiny)
    assert bundle.read("FineModel/conv2d/bias").tolist() == [0.25]
    with pytest.raises(BundleError, match=r"FineModel/conv2d/kernel in .* has checksum 0x"):
        bundle.read("FineModel/conv2d/kernel")


def test_a_shard_that_ends_early_is_refused(tiny):
    tiny.with_name("fine-10000.data-00000-of-00001").write_bytes(bytes.fromhex(DATA)[:20])
    with pytest.raises(BundleError, match=r"ends within .*kernel: 16 of 24 bytes"):
        TensorBundle(tiny).read("FineModel/conv2d/kernel")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw[:30], "it has 30 bytes, a table has at least 48"),
        (lambda raw: raw[:-1] + b"x", r"it ends with 0x78\w+, expected 0xdb4775248b80fb57"),
        (lambda raw: raw[:9] + b"x" + raw[10:], r"the block at byte 0 has checksum 0x\w+, 0x"),
    ],
)
def test_a_damaged_index_is_refused(tiny, change, message):
    path = tiny.with_name("fine-10000.index")
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(BundleError, match=message):
        TensorBundle(tiny)


def test_what_is_missing_is_named(tiny, tmp_path):
    with pytest.raises(MissingModelError, match=r"nowhere\.index is not there, expected the index"):
        TensorBundle(tmp_path / "nowhere")
    with pytest.raises(BundleError, match="has no tensor x; it has 3: FineModel/conv2d/bias"):
        TensorBundle(tiny).read("x")
    tiny.with_name("fine-10000.data-00000-of-00001").unlink()
    with pytest.raises(MissingModelError, match=r"data-00000-of-00001 is not there.* in 1 file\."):
        TensorBundle(tiny)
