"""TFRecords of training examples: what TensorFlow wrote is read, damage is told."""

import struct

import numpy as np
import pytest

from lib.imaging import encode_jpeg
from lib.networks.tf.crc32c import masked_crc32c
from lib.training.detail_layer.tfrecord import (
    DetailExample,
    RecordError,
    RecordWriter,
    decode_example,
    encode_example,
    find_records,
    read_detail_example,
    read_record,
    read_records,
    write_detail_example,
)

# What tf.io.TFRecordWriter of TensorFlow 2.21 wrote of one tf.train.Example.
WRITTEN = (
    "5500000000000000d7df0fc10a530a1a0a0a32446c616e646d61726b120c120a0a080000c03f000000c00a110a05"
    "696d61676512080a060a046a7065670a220a0c7365676d656e746174696f6e12121a100a0e0012ac02ffffffffff"
    "ffffffff018ee0307d"
)


def example(seed=0):
    chance = np.random.default_rng(seed)
    image = np.full((300, 300, 3), 128, np.uint8)
    image[:150] = chance.integers(0, 255, 3)
    return DetailExample(
        image,
        chance.uniform(0, 300, (68, 2)).astype(np.float32),
        chance.uniform(0, 300, (86, 2)).astype(np.float32),
        chance.integers(0, 19, (300, 300)).astype(np.uint8),
    )


def written(path, examples):
    with RecordWriter(path) as writer:
        for one in examples:
            writer.write(write_detail_example(one, encode_jpeg(one.image, 95)))
    return path


def test_what_tensorflow_wrote_is_read_and_written_byte_for_byte(tmp_path):
    path = tmp_path / "a.tfrecords"
    path.write_bytes(bytes.fromhex(WRITTEN))
    features = decode_example(next(read_records(path)))
    assert features["image"] == [b"jpeg"]
    assert features["2Dlandmark"].tolist() == [1.5, -2]
    assert features["segmentation"].tolist() == [0, 18, 300, -1]
    with RecordWriter(tmp_path / "b.tfrecords") as writer:
        writer.write(encode_example(features))
    assert (tmp_path / "b.tfrecords").read_bytes() == bytes.fromhex(WRITTEN)


def test_numbers_that_are_not_packed_are_read_too():
    integers = bytes.fromhex("0a0f0a0d0a016112081a0608050807087f")
    assert decode_example(integers)["a"].tolist() == [5, 7, 127]
    floats = b"\x0d" + struct.pack("<f", 2.5)
    feature = b"\x12" + bytes([len(floats)]) + floats
    entry = b"\x0a\x01b\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry
    assert decode_example(b"\x0a" + bytes([len(features)]) + features)["b"].tolist() == [2.5]


def test_training_photos_come_back(tmp_path):
    examples = [example(seed) for seed in range(3)]
    path = written(tmp_path / "a.tfrecords", examples)
    places = find_records(path)
    assert [place.number for place in places] == [0, 1, 2]
    for place, wanted in zip(places, examples, strict=True):
        found = read_detail_example(place)
        assert np.abs(found.image.astype(int) - wanted.image).mean() < 1
        assert np.array_equal(found.points68_px, wanted.points68_px)
        assert np.array_equal(found.points86_px, wanted.points86_px)
        assert np.array_equal(found.labels, wanted.labels)


def test_a_record_with_a_flipped_bit_is_refused_by_file_and_number(tmp_path):
    path = written(tmp_path / "a.tfrecords", [example(0), example(1)])
    places = find_records(path)
    data = bytearray(path.read_bytes())
    data[places[1].offset + 50] ^= 4
    path.write_bytes(bytes(data))
    read_record(places[0])
    message = r"a\.tfrecords, record 1: its message has checksum 0x\w+, 0x\w+ is stored"
    with pytest.raises(RecordError, match=message):
        read_record(find_records(path)[1])
    data[places[1].offset - 12] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(RecordError, match=r"record 1 at byte \d+: its length has checksum"):
        find_records(path)


@pytest.mark.parametrize("cut", [1, 4, 1000])
def test_a_last_record_that_is_cut_off_is_refused(tmp_path, cut):
    path = written(tmp_path / "a.tfrecords", [example(0), example(1)])
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(RecordError, match=r"record 1 at byte \d+ is cut off: \d+ of \d+ bytes"):
        find_records(path)
    path.write_bytes(path.read_bytes()[: find_records_size(path) + 5])
    with pytest.raises(RecordError, match=r"record 1 at byte \d+ is cut off: 5 of 12 bytes"):
        list(read_records(path))


def find_records_size(path):
    """Bytes of the first record of a file."""
    return 16 + struct.unpack("<Q", path.read_bytes()[:8])[0]


def test_a_file_that_is_none_of_records_is_refused(tmp_path):
    (tmp_path / "text.tfrecords").write_text("hello, this is no record")
    with pytest.raises(RecordError, match=r"its length has checksum .* or is none of TFRecords"):
        find_records(tmp_path / "text.tfrecords")
    (tmp_path / "empty.tfrecords").touch()
    with pytest.raises(RecordError, match="is empty, expected TFRecords"):
        find_records(tmp_path / "empty.tfrecords")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"3Dlandmark": np.zeros(136)}, "has 136 values under '3Dlandmark', expected 172 numbers"),
        ({"segmentation": None}, "has nothing under 'segmentation', expected 90000 numbers"),
        ({"segmentation": np.full(90000, 19)}, "has labels 19 to 19, expected 0 to 18"),
        ({"image": [b"no picture"]}, "cannot be read as a picture"),
        ({"image": [encode_jpeg(np.zeros((8, 8, 3), np.uint8))]}, r"a picture \(8, 8, 3\)"),
        ({"2Dlandmark": np.full(136, np.nan)}, "has landmarks that are not finite"),
    ],
)
def test_an_example_of_another_layout_is_refused(tmp_path, changes, message):
    one = example()
    features = decode_example(write_detail_example(one, encode_jpeg(one.image)))
    features = {k: v for k, v in (features | changes).items() if v is not None}
    with RecordWriter(tmp_path / "a.tfrecords") as writer:
        writer.write(encode_example(features))
    with pytest.raises(RecordError, match=rf"a\.tfrecords, record 0 has .*{message[4:]}|{message}"):
        read_detail_example(find_records(tmp_path / "a.tfrecords")[0])


def test_a_writer_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), RecordWriter(tmp_path / "a.tfrecords") as writer:
        writer.write(b"x")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_the_framing_is_length_checksum_message_checksum(tmp_path):
    with RecordWriter(tmp_path / "a.tfrecords") as writer:
        writer.write(b"abc")
    length = struct.pack("<Q", 3)
    expected = length + struct.pack("<I", masked_crc32c(length)) + b"abc"
    expected += struct.pack("<I", masked_crc32c(b"abc"))
    assert (tmp_path / "a.tfrecords").read_bytes() == expected
