"""Take a person out of a results folder: nothing that was derived from their photos stays."""

from __future__ import annotations

import difflib
import shutil
from dataclasses import dataclass
from pathlib import Path

from lib.errors import ConfigError
from lib.planning.ledger import Ledger, read_ledger, write_ledger
from lib.planning.locks import hold_results

LEDGER = "batches.tsv"
# Of all captures together; a run makes them again, and so does the command that made a data set.
TOGETHER = (
    "status.tsv",
    "timings.tsv",
    "report.html",
    "provenance.json",
    "scoreboard.tsv",
    "scoreboard.html",
    "scoreboard",
    "dataset",
    "detail_dataset",
)


@dataclass(frozen=True)
class Purged:
    """What was taken away.

    Args:
        captures: names of the person's captures.
        images: their photos, which stay where they are.
        others: captures of the same batches, which the next run makes again.
        removed: files and folders, below the results folder.
    """

    captures: tuple[str, ...]
    images: tuple[str, ...]
    others: tuple[str, ...]
    removed: tuple[str, ...]


def purge_subject(results: str | Path, subject: str) -> Purged:
    """Remove every file that was derived from a person, and their rows of the ledger.

    Artefacts, contact sheets and logs hold all captures of a batch, so that a batch with a capture
    of theirs goes as a whole; other people's captures in it are made again by the next run, in the
    same batch. Pages and tables of all captures, and data sets for training, go as well.

    Args:
        results: the results folder.
        subject: as in the ledger; of a photo folder, the name of the photo's capture.

    Raises:
        ConfigError: nobody of that name is there, or a run works on the folder.
    """
    results = Path(results)
    ledger = read_ledger(results / LEDGER)
    theirs = [row for row in ledger.rows if row.subject == subject]
    if not theirs:
        raise _unknown(results, subject, ledger)
    if not hold_results(results):
        raise ConfigError(
            f"'{results}' is in use by a run. Wait until it ends, or stop it; then repeat the "
            "command."
        )
    batches = sorted({row.batch for row in theirs})
    doomed = [results / name for name in (*TOGETHER, *batches)]
    for batch in batches:
        doomed += sorted(results.glob(f"logs/*/{batch}.*"))
        doomed += sorted(results.glob(f"benchmarks/*/{batch}.*"))
    doomed += sorted((results / "logs").glob("*.*"))  # logs of rules that see all captures
    for capture in {row.capture for row in theirs}:
        doomed += sorted(results.glob(f"relocated/{capture}.png"))
        doomed += sorted(results.glob(f"relocated/{capture}+*.png"))  # other faces on their photos
    removed = [_remove(path) for path in doomed if path.exists() or path.is_symlink()]
    # The ledger comes last: a purge that was interrupted can be repeated.
    write_ledger(results / LEDGER, Ledger(tuple(r for r in ledger.rows if r.subject != subject)))
    mine = {row.capture for row in theirs}
    others = {row.capture for batch in batches for row in ledger.batches[batch]} - mine
    return Purged(
        tuple(sorted(mine)),
        tuple(row.image for row in theirs),
        tuple(sorted(others)),
        tuple(str(path.relative_to(results)) for path in removed),
    )


def purge_report(purged: Purged) -> str:
    """What happened and what is left to do, for a person."""
    lines = [
        f"removed {len(purged.removed)} files and folders of {len(purged.captures)} captures.",
        f"{len(purged.others)} captures of other people shared a batch with them: the next run "
        "makes them again.",
        "Left where they are, and to be taken away by you:",
        *(f"  {image}" for image in purged.images),
        "  copies of results that you made, and Snakemake's own folder .snakemake",
        "Networks that were trained on these photos keep what they learned: train them again.",
    ]
    return "\n".join(lines)


def _unknown(results: Path, subject: str, ledger: Ledger) -> ConfigError:
    known = sorted({row.subject for row in ledger.rows})
    near = difflib.get_close_matches(subject, known, n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    found = f"purge: '{subject}'" if subject else "purge is empty"
    return ConfigError(
        f"{found}, and {results / LEDGER} has no such subject among its {len(known)}.{hint} Name "
        "one: --config purge=NAME; the column subject of that file has the names."
    )


def _remove(path: Path) -> Path:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    return path
