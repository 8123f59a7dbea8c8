"""`provenance.json` of a run: what all heads share, and each capture's photos, outcome and hash."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lib.artefacts import BatchReader, Capture, Faces, Texture, digest
from lib.atomic import atomic_path
from lib.export import PROVENANCE, photo_table
from lib.planning.provenance import plain


def write_run_provenance(path: Path, batches: Sequence[str], common: dict[str, Any]) -> None:
    """Write what a run made of which photos, by what, under which licences.

    A line of the file is a capture: memory holds one batch's outcomes, however many there are.
    The files of heads are not read again; `provenance.json` of each has their hashes.

    Args:
        path: `provenance.json` of the results folder, which holds the batches.
        batches: names, in the order of the file.
        common: of `lib.export.origins`.

    Raises:
        ArtefactError: capture.h5, faces.h5 or texture.h5 of a batch cannot be read.
    """
    head = json.dumps(common, indent=1, ensure_ascii=False)
    with atomic_path(path) as part, open(part, "w", encoding="utf-8", newline="\n") as file:
        file.write(head.removesuffix("\n}") + ',\n "batches": {')
        for index, batch in enumerate(batches):
            file.write(f"{',' if index else ''}\n  {json.dumps(batch)}: [")
            for number, row in enumerate(_captures(path.parent / batch)):
                file.write(f"{',' if number else ''}\n   {json.dumps(row, ensure_ascii=False)}")
            file.write("\n  ]")
        file.write("\n }\n}\n")


def _captures(folder: Path) -> Iterator[dict[str, Any]]:
    """Name, outcome, photos and hash of the provenance of every capture of a batch."""
    with ExitStack() as stack:
        captures = stack.enter_context(BatchReader(folder / "capture.h5", Capture))
        faces = stack.enter_context(BatchReader(folder / "faces.h5", Faces))
        textures = stack.enter_context(BatchReader(folder / "texture.h5", Texture))
        imported, found = set(captures.captures), set(faces.captures)
        for row in textures.outcomes:
            photo = faces.field(row.capture, "photo") if row.capture in found else row.capture
            told: dict[str, Any] = {"capture": row.capture, "outcome": row.outcome}
            if row.failed:
                told |= {"stage": row.stage, "reason": plain(row.reason)}
            if photo in imported:
                fields = (captures.field(photo, name) for name in ("path", "sha256", "view"))
                told["photos"] = photo_table(*fields)
            head = folder / "export" / row.capture / PROVENANCE
            if head.is_file():
                told[PROVENANCE] = digest(head)
            yield told
