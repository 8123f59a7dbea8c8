"""Files of training examples as the published training reads them: TFRecord, by hand.

A file is a row of records; a record is its length (8 bytes), the masked CRC-32C of these, the
message, and the message's masked CRC-32C.

Source: TensorFlow, "TFRecord and tf.train.Example"; `example.proto` and `feature.proto`.
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from lib.atomic import atomic_path
from lib.errors import ConfigError, ForeignFileError
from lib.facemodel.points86 import N_POINTS as POINTS_86
from lib.imaging import read_picture
from lib.networks.tf.crc32c import masked_crc32c
from lib.networks.tf.wire import (
    BYTES,
    FIXED32,
    VARINT,
    WireError,
    field,
    pack_varints,
    read_fields,
    signed,
    unpack_varints,
)

SIDE = 300  # px of the crops
POINTS_68 = 68
CLASSES = 19  # of the segmentation, numbered as CelebAMask-HQ's
HEADER, TRAILER = 12, 4
LONGEST = 1 << 30  # bytes of a record
LARGEST_MEGAPIXELS = 1.0
IMAGE, POINTS_2D, POINTS_3D, LABELS = "image", "2Dlandmark", "3Dlandmark", "segmentation"
Feature = list[bytes] | np.ndarray


class RecordError(ConfigError):
    """A file of records is damaged, or an example in it is not as training expects."""


@dataclass(frozen=True)
class DetailExample:
    """One training photo of the published layout.

    Args:
        image: (300, 300, 3) uint8 sRGB.
        points68_px: (68, 2) iBUG points on the visible outline, y down; pixel k reaches from k
            to k + 1.
        points86_px: (86, 2) points on the physical contour, likewise.
        labels: (300, 300) uint8 class, numbered as CelebAMask-HQ's.
    """

    image: np.ndarray
    points68_px: np.ndarray
    points86_px: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class RecordPlace:
    """Where the message of a record is.

    Args:
        path: of the file.
        number: of the record, from 0.
        offset: bytes before the message.
        size: of the message.
    """

    path: Path
    number: int
    offset: int
    size: int

    def __str__(self) -> str:
        return f"{self.path}, record {self.number}"


def find_records(path: str | Path) -> tuple[RecordPlace, ...]:
    """The places of all records; their lengths are checked, their messages not read.

    Raises:
        RecordError: the file is not there or empty, ends within a record, or a length is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise RecordError(f"{path} is not there, expected a file of TFRecords.")
    size, found, at = path.stat().st_size, [], 0
    with open(path, "rb") as file:
        while at < size:
            place = f"{path}, record {len(found)} at byte {at}"
            file.seek(at)
            head = file.read(HEADER)
            if len(head) < HEADER:
                raise _cut(place, HEADER, len(head))
            length, stored = struct.unpack("<QI", head)
            _check(place, "length", head[:8], stored)
            if length > LONGEST:
                raise RecordError(f"{place} is {length} bytes long, expected at most {LONGEST}.")
            if at + HEADER + length + TRAILER > size:
                raise _cut(place, HEADER + length + TRAILER, size - at)
            found.append(RecordPlace(path, len(found), at + HEADER, length))
            at += HEADER + length + TRAILER
    if not found:
        raise RecordError(f"{path} is empty, expected TFRecords. Write it again.")
    return tuple(found)


def read_record(place: RecordPlace) -> bytes:
    """The message of a record, its checksum checked.

    Raises:
        RecordError: it is cut off or damaged.
    """
    with open(place.path, "rb") as file:
        file.seek(place.offset)
        data = file.read(place.size + TRAILER)
    if len(data) < place.size + TRAILER:
        raise _cut(str(place), place.size + TRAILER, len(data))
    message = data[: place.size]
    _check(str(place), "message", message, struct.unpack("<I", data[place.size :])[0])
    return message


def read_records(path: str | Path) -> Iterator[bytes]:
    """The messages of a file, one after the other.

    Raises:
        RecordError: the file is damaged.
    """
    for place in find_records(path):
        yield read_record(place)


class RecordWriter:
    """Writes a file of records beside its name; it gets the name when all of it is written.

    Args:
        path: of the file.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def write(self, message: bytes) -> None:
        """Add a record."""
        length = struct.pack("<Q", len(message))
        self._file.write(length + struct.pack("<I", masked_crc32c(length)))
        self._file.write(message + struct.pack("<I", masked_crc32c(message)))

    def __enter__(self) -> RecordWriter:
        with contextlib.ExitStack() as stack:
            self._file = stack.enter_context(
                open(stack.enter_context(atomic_path(self.path)), "wb")
            )
            self._whole = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._whole.__exit__(kind, error, trace)


def encode_example(features: Mapping[str, Feature]) -> bytes:
    """The message of a `tf.train.Example`.

    Args:
        features: by name: bytes in a list, floats or integers (n,). Sorted by name, so that the
            same example gives the same bytes.
    """
    entries = b""
    for name in sorted(features):
        value = features[name]
        if isinstance(value, list):
            feature = field(1, b"".join(field(1, part) for part in value))
        elif np.issubdtype(value.dtype, np.floating):
            feature = field(2, field(1, value.astype("<f4").tobytes()))
        else:
            feature = field(3, field(1, pack_varints(value)))
        entries += field(1, field(1, name.encode()) + field(2, feature))
    return field(1, entries)


def decode_example(message: bytes) -> dict[str, Feature]:
    """The features of a `tf.train.Example` by name.

    Raises:
        WireError: the message is none.
    """
    found: dict[str, Feature] = {}
    for number, kind, features in read_fields(message):
        if (number, kind) != (1, BYTES):
            raise WireError(f"field {number} of an example")
        for _, _, entry in read_fields(features):
            parts = {n: value for n, _, value in read_fields(entry)}
            found[bytes(parts[1]).decode()] = _feature(parts.get(2, memoryview(b"")))
    return found


def write_detail_example(example: DetailExample, jpeg: bytes) -> bytes:
    """The message of a training photo.

    Args:
        example: its points and labels are written.
        jpeg: its picture as a file.
    """
    return encode_example(
        {
            IMAGE: [jpeg],
            POINTS_2D: example.points68_px.ravel().astype(np.float32),
            POINTS_3D: example.points86_px.ravel().astype(np.float32),
            LABELS: example.labels.ravel().astype(np.int64),
        }
    )


def read_detail_example(place: RecordPlace) -> DetailExample:
    """The training photo of a record.

    Raises:
        RecordError: the record is damaged, or a feature is missing, of another length or out of
            range.
    """
    try:
        features = decode_example(read_record(place))
    except (WireError, KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{place} is no tf.train.Example: {error}.") from error
    for name, size in ((POINTS_2D, 2 * POINTS_68), (POINTS_3D, 2 * POINTS_86), (LABELS, SIDE**2)):
        value = features.get(name)
        if not isinstance(value, np.ndarray) or value.shape != (size,):
            told = "nothing" if value is None else f"{len(value)} values"
            raise RecordError(f"{place} has {told} under '{name}', expected {size} numbers.")
    image = features.get(IMAGE)
    if not isinstance(image, list) or len(image) != 1:
        raise RecordError(f"{place} has no picture under '{IMAGE}', expected one JPEG file.")
    try:
        pixels = read_picture(io.BytesIO(image[0]), "RGB", str(place), LARGEST_MEGAPIXELS)
    except ForeignFileError as error:
        raise RecordError(str(error)) from error
    if pixels.shape != (SIDE, SIDE, 3):
        raise RecordError(f"{place} has a picture {pixels.shape}, expected ({SIDE}, {SIDE}, 3).")
    labels, points = features[LABELS], (features[POINTS_2D], features[POINTS_3D])
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise RecordError(
            f"{place} has labels {labels.min()} to {labels.max()}, expected 0 to {CLASSES - 1} as "
            "CelebAMask-HQ numbers them."
        )
    if not all(np.isfinite(some).all() for some in points):
        raise RecordError(f"{place} has landmarks that are not finite.")
    return DetailExample(
        pixels,
        points[0].reshape(-1, 2).astype(np.float32),
        points[1].reshape(-1, 2).astype(np.float32),
        labels.reshape(SIDE, SIDE).astype(np.uint8),
    )


def _feature(data: memoryview) -> Feature:
    """The values of a feature; numbers may be packed or not."""
    for number, _, values in read_fields(data):
        items: Sequence[tuple[int, int, int | memoryview]] = list(read_fields(values))
        if number == 1:
            return [bytes(value) for _, _, value in items]
        if number == 2:
            return np.concatenate([np.zeros(0, np.float32), *(_floats(*item) for item in items)])
        if number == 3:
            return np.concatenate([np.zeros(0, np.int64), *(_integers(*item) for item in items)])
        raise WireError(f"a feature of the unknown kind {number}")
    return []


def _floats(_: int, kind: int, value: int | memoryview) -> np.ndarray:
    if kind == FIXED32:
        value = memoryview(int(value).to_bytes(4, "little"))
    if len(value) % 4:
        raise WireError(f"{len(value)} bytes of floats")
    return np.frombuffer(value, "<f4")


def _integers(_: int, kind: int, value: int | memoryview) -> np.ndarray:
    if kind == VARINT:
        return np.array([signed(int(value))], np.int64)
    return unpack_varints(value)


def _check(place: str, what: str, data: bytes, stored: int) -> None:
    if (found := masked_crc32c(data)) != stored:
        raise RecordError(
            f"{place}: its {what} has checksum {found:#010x}, {stored:#010x} is stored. The file "
            "is damaged, or is none of TFRecords; copy or write it again."
        )


def _cut(place: str, wanted: int, found: int) -> RecordError:
    return RecordError(
        f"{place} is cut off: {found} of {wanted} bytes are there. Copy or write the file again."
    )
