"""Fuzz every reader of foreign files for some minutes; ends with 1 where one misbehaved.

python -m tests.fuzz.run --minutes 10 [--family pictures] [--only "photo png"] [--seed 3]

Each round damages the files of all readers in new ways, drawn from the seed and the round's number.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import seed as seeded

from tests.fuzz.guard import NORMAL, Worker
from tests.fuzz.mutations import damaged, damages
from tests.fuzz.readers import FAMILIES, READERS

EXAMPLES = 60  # of one reader in one round


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--family", choices=FAMILIES)
    parser.add_argument("--only", choices=READERS)
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    names = list(FAMILIES.get(words.family, READERS))
    names = [words.only] if words.only else names
    end, counts, round_ = time.monotonic() + 60 * words.minutes, Counter(), 0
    failures: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as place:
        worker = Worker(Path(place) / "files")
        worker.folder.mkdir()
        while time.monotonic() < end:
            for name in names:
                if time.monotonic() < end and name not in failures:
                    told = _round(worker, name, (words.seed, round_), counts)
                    if told:
                        failures[name] = told
                        print(told, flush=True)
            round_ += 1
        worker.close()
    print(f"{round_} rounds of {len(names)} readers: {dict(counts)}; {len(failures)} misbehaved")
    return 1 if failures else 0


def _round(worker: Worker, name: str, draw: tuple[int, int], counts: Counter[str]) -> str:
    """Some damages of one reader's file; words about the first that it does not stand."""
    reader, folder = READERS[name], worker.folder
    for old in folder.iterdir():
        old.unlink()
    content = reader.write(folder)

    @seeded(zlib.crc32(f"{draw} {name}".encode()))
    @settings(NORMAL, max_examples=EXAMPLES, derandomize=False)
    @given(damages)
    def any_bytes(damage) -> None:
        reader.put(folder, damaged(content, damage))
        found = worker.read(name)
        counts[found.kind] += 1
        assert found.good, f"{found.kind} {found.forbidden}\n{found.text}\n{damage}"

    try:
        any_bytes()
    except AssertionError as error:
        return f"== {name}: {error}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
