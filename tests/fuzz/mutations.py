"""What may have happened to a file: flipped, cut, repeated and inserted bytes, absurd numbers."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hypothesis import strategies as st

ABSURD = (0, -1, 1, 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**62, 2**63 - 1, -(2**63))
LAYOUTS = ("<B", "<H", ">H", "<I", ">I", "<Q", ">Q")
TOKENS = (
    *(b"nan", b"-inf", b"1e999", b"-1", b"9" * 5000, b"99999999999", b"", b"null", b"true"),
    *(b"[" * 3000, b"{" * 3000, b'"', b"'", b"\0", b"\n", b"\t", b"\r", b"../../", b"/etc/passwd"),
    *(b"$(touch x)", b"`touch x`", b"; touch x", b"\xe2\x80\xae", b"\xff\xfe", b"<!ENTITY a 'b'>"),
    *(b"!!python/object/apply:os.system [touch x]", b"&a [*a, *a]", b"<<: *a", b"{}", b"[]", b"%s"),
)


@dataclass(frozen=True)
class Change:
    """One thing that happens to bytes.

    Args:
        kind: `flip`, `cut`, `repeat`, `insert`, `number` or `digits`.
        place: where, in 2^16 parts of the length.
        content: bytes that are put there.
        length: of the piece that is replaced or repeated.
    """

    kind: str
    place: int
    content: bytes
    length: int

    def apply(self, data: bytes) -> bytes:
        """The bytes afterwards."""
        at = self.place * len(data) >> 16
        if self.kind == "cut":
            return data[:at]
        if self.kind == "repeat":
            piece = data[at : at + self.length]
            return data[:at] + piece * (2 + self.length % 5) + data[at:]
        if self.kind == "digits":  # a whole number of a text becomes something else
            begin = next((k for k in range(at, len(data)) if 48 <= data[k] < 58), len(data))
            end = next((k for k in range(begin, len(data)) if not 48 <= data[k] < 58), len(data))
            return data[:begin] + self.content + data[end:]
        gone = 0 if self.kind == "insert" else len(self.content)
        return data[:at] + self.content + data[at + gone :]


places = st.integers(0, 2**16 - 1)
numbers = st.builds(
    lambda layout, value: struct.pack(layout, value % 256 ** struct.calcsize(layout)),
    st.sampled_from(LAYOUTS),
    st.sampled_from(ABSURD),
)
changes = st.one_of(
    st.builds(Change, st.just("flip"), places, st.binary(min_size=1, max_size=3), st.just(0)),
    st.builds(Change, st.just("number"), places, numbers, st.just(0)),
    st.builds(Change, st.just("insert"), places, st.sampled_from(TOKENS), st.just(0)),
    st.builds(Change, st.just("digits"), places, st.sampled_from(TOKENS), st.just(0)),
    st.builds(Change, st.just("repeat"), places, st.just(b""), st.integers(1, 400)),
    st.builds(Change, st.just("cut"), places, st.just(b""), st.just(0)),
)
damages = st.one_of(
    st.lists(changes, min_size=1, max_size=4),
    st.binary(max_size=300),  # a file of something else altogether
)


def damaged(data: bytes, damage: list[Change] | bytes) -> bytes:
    """The bytes after all changes, or others altogether."""
    if isinstance(damage, bytes):
        return damage
    for change in damage:
        data = change.apply(data)
    return data
