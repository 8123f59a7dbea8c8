"""What becomes of a run when something breaks: `python -m tests.benchmarks.faults --out FOLDER`.

Three photos become heads once without a fault. Then, each time in an empty folder, something
breaks, the run is called again as a user would do, and everything that it made is compared byte by
byte with the undisturbed run. A fault is survived where the bytes are the same and nothing is left
over; it is told where the broken call ends with words that say what was wrong.

    kill        SIGKILL to Snakemake and all its jobs, at a moment drawn at random
    full disk   the results lie on a file system of a few MB; it is enlarged before the second call
    read-only   the results cannot be written; they can before the second call
    truncated   the last part of an artefact is gone, and what is made of it is made again
    flipped     one bit in the middle of an artefact is another, likewise
    new photo   a photo is replaced while the run works on it
    two runs    a second run on the same results is started while the first one works

Full disk and read-only need the right to mount; without it they are left out, and said to be.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.odd_photos import portrait
from tests.runs import PROJECT, environment
from tests.workflow.conftest import PARTS, SMALL, Place, save

PHOTOS = {"anna.png": 200, "bert.png": 180, "carl.png": 160}
ARTEFACTS = ("capture", "faces", "landmarks", "skin", "fit", "highlights", "texture", "albedo")
SMALL_DISK, LARGE_DISK = "1500k", "500m"
FIRST_SHARE, LAST_SHARE = 0.15, 0.95  # of an undisturbed run's seconds, between which it is killed


@dataclass(frozen=True)
class Tried:
    """One fault.

    Args:
        fault: its name.
        told: what the broken call said of it; empty where it was killed and could say nothing.
        survived: the second call made the same bytes, and nothing is left over.
        wrong: what was not right; empty where nothing was.
    """

    fault: str
    told: str
    survived: bool
    wrong: str = ""


def new_place(folder: Path, photos: bool = True) -> Place:
    """A copy of the project in an empty folder, with its photos."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in PARTS:
        source = PROJECT / name
        if name == "resources":
            (folder / name).symlink_to(source)
        elif source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy2(source, folder / name)
    (folder / "small.yaml").write_text(SMALL + "batch_size: 2\n", encoding="utf-8")
    place = Place(folder)
    if photos:
        for name, side in PHOTOS.items():
            save(place.photos / name, portrait(side))
            os.utime(place.photos / name, (1_700_000_000,) * 2)
    return place


def start(place: Place) -> subprocess.Popen[str]:
    """A run in a process group of its own, its words kept in `log.txt`."""
    with open(place.folder / "log.txt", "w", encoding="utf-8") as log:
        return subprocess.Popen(
            place.command(),
            cwd=place.folder,
            start_new_session=True,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        )


def judge(fault: str, place: Place, truth: dict[str, str], told: str, needed: str = "") -> Tried:
    """Call the run again and compare what there is with an undisturbed run."""
    again = place.call()
    if again.returncode:
        return Tried(fault, told, False, f"the second call failed: {again.text[-300:]}")
    made = place.files()
    left = [str(path) for path in place.results.rglob("*.part")]
    wrong = [name for name in sorted(set(made) | set(truth)) if made.get(name) != truth.get(name)]
    words = "; ".join([*wrong[:4], *left[:4]])
    if needed and needed not in told:
        words += f"; '{needed}' was not said"
    return Tried(fault, told, not (wrong or left), words)


def killed(place: Place, truth: dict[str, str], after_s: float) -> Tried:
    """SIGKILL to everything after some seconds."""
    run = start(place)
    time.sleep(after_s)
    over = run.poll() is not None
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    return judge("kill", place, truth, "over before it could be killed" if over else "")


def on_small_disk(place: Place, truth: dict[str, str]) -> Tried:
    """The disk is full in the middle of the run."""
    with Mounted(place.results, f"size={SMALL_DISK}") as disk:
        told = place.call().text
        disk.again(f"size={LARGE_DISK}")
        return judge("full disk", place, truth, told, needed="No space left on device")


def on_read_only_disk(place: Place, truth: dict[str, str]) -> Tried:
    """The results cannot be written."""
    with Mounted(place.results, f"size={LARGE_DISK}") as disk:
        disk.again("ro")
        told = place.call().text
        disk.again("rw")
        return judge("read-only", place, truth, told, needed="Read-only file system")


def spoiled(place: Place, truth: dict[str, str], fault: str) -> list[Tried]:
    """One artefact after the other is damaged after it was made."""
    place.call().check()
    return [_spoiled(place, truth, fault, artefact) for artefact in ARTEFACTS]


def _spoiled(place: Place, truth: dict[str, str], fault: str, artefact: str) -> Tried:
    """What needs a damaged artefact is made again, then the artefact itself."""
    path = place.results / "b0001" / f"{artefact}.h5"
    state, data = path.stat(), bytearray(path.read_bytes())
    if fault == "truncated":
        data = data[: len(data) * 2 // 3]
    else:
        data[len(data) // 2] ^= 16
    path.write_bytes(data)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    later = [*ARTEFACTS[ARTEFACTS.index(artefact) + 1 :], "export"]
    again = place.call("--forcerun", *(f"out/b0001/{_file(name)}" for name in later))
    told = again.text if again.returncode else ""
    rebuilt = place.call("--forcerun", f"out/b0001/{artefact}.h5")
    if rebuilt.returncode:
        return Tried(fault, told, False, f"rebuilding {artefact} failed: {rebuilt.text[-300:]}")
    if not told and place.files() == truth:
        told = "nothing: no stage reads what was damaged"
    return judge(fault, place, truth, told, needed=f"{artefact}.h5" if told else "")


def replaced(place: Place, truth: dict[str, str]) -> Tried:
    """A photo becomes another one while the run works on it, then the old one again."""
    run = start(place)
    _wait_for(place.results / "b0001" / "capture.h5", run)
    kept = (place.photos / "anna.png").read_bytes()
    save(place.photos / "anna.png", portrait(190)[:, ::-1])
    run.wait()
    told = (place.folder / "log.txt").read_text(encoding="utf-8")
    between = place.call()
    (place.photos / "anna.png").write_bytes(kept)
    os.utime(place.photos / "anna.png", (1_700_000_000,) * 2)
    if between.returncode:
        return Tried("new photo", told, False, f"the second call failed: {between.text[-300:]}")
    return judge("new photo", place, truth, told="")  # nothing is wrong: there is nothing to tell


def two_runs(place: Place, truth: dict[str, str]) -> Tried:
    """A second run is refused while the first one works, and disturbs nothing."""
    run = start(place)
    _wait_for(place.results / "b0001" / "capture.h5", run)
    second = place.call()
    if run.wait():
        return Tried("two runs", second.text, False, "the first run failed")
    return judge("two runs", place, truth, second.text, needed="cannot be locked")


class Mounted:
    """A file system in memory at a folder.

    Raises:
        PermissionError: this process may not mount.
    """

    def __init__(self, folder: Path, options: str):
        self.folder, self.options = folder, options

    def __enter__(self) -> Mounted:
        self.folder.mkdir(parents=True, exist_ok=True)
        call = ["mount", "-t", "tmpfs", "-o", self.options, "tmpfs", str(self.folder)]
        if subprocess.run(call, capture_output=True, check=False).returncode:
            raise PermissionError("mount")
        return self

    def again(self, options: str) -> None:
        """Other options for the same files."""
        call = ["mount", "-o", f"remount,{options}", str(self.folder)]
        subprocess.run(call, check=True, capture_output=True)

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)


def _file(name: str) -> str:
    return name if name == "export" else f"{name}.h5"


def _wait_for(path: Path, run: subprocess.Popen[str]) -> None:
    while not path.exists():
        if run.poll() is not None:
            raise RuntimeError(f"the run was over before {path} was there")
        time.sleep(0.02)


def table(tries: list[Tried]) -> str:
    """Markdown: a row per fault."""
    lines = ["| fault | tried | survived | told | not right |", "|---|---|---|---|---|"]
    for fault in dict.fromkeys(one.fault for one in tries):
        these = [one for one in tries if one.fault == fault]
        survived, told = (sum(map(bool, which)) for which in zip(
            *((one.survived, one.told) for one in these)
        ))  # fmt: skip
        wrong = "; ".join(dict.fromkeys(one.wrong for one in these if one.wrong))
        lines.append(f"| {fault} | {len(these)} | {survived} | {told} | {wrong} |")
    return "\n".join(lines)


def main() -> int:
    """Try all faults and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for everything")
    parser.add_argument("--kills", type=int, default=10, help="moments (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    parser.add_argument("--only", nargs="+", help="names of faults (default: all)")
    options = parser.parse_args()
    out = options.out.resolve()
    undisturbed = new_place(out / "undisturbed")
    first = undisturbed.call().check()  # compiles what is not compiled yet
    truth = undisturbed.files()
    shutil.rmtree(undisturbed.results)
    seconds = undisturbed.call().check().seconds
    print(f"undisturbed: {first.seconds:.0f} s, then {seconds:.0f} s", flush=True)
    drawn = random.Random(options.seed)
    trials: list[tuple[str, Callable[[Place], Tried | list[Tried]]]] = []
    for _ in range(options.kills):
        after_s = seconds * drawn.uniform(FIRST_SHARE, LAST_SHARE)
        trials.append(("kill", lambda place, after_s=after_s: killed(place, truth, after_s)))
    trials += [
        ("full disk", lambda place: on_small_disk(place, truth)),
        ("read-only", lambda place: on_read_only_disk(place, truth)),
        ("new photo", lambda place: replaced(place, truth)),
        ("two runs", lambda place: two_runs(place, truth)),
    ]
    for fault in ("truncated", "flipped"):
        trials.append((fault, lambda place, fault=fault: spoiled(place, truth, fault)))
    tries: list[Tried] = []
    for fault, trial in trials:
        if options.only and fault not in options.only:
            continue
        place = new_place(out / "place")
        for cache in undisturbed.folder.rglob("__pycache__"):  # compiled functions come along
            shutil.copytree(
                cache, place.folder / cache.relative_to(undisturbed.folder), dirs_exist_ok=True
            )
        try:
            found = trial(place)
        except PermissionError:
            print(f"{fault}: left out, this process may not mount", flush=True)
            continue
        found = [found] if isinstance(found, Tried) else found
        for one in found:
            print(one.fault, one.survived, one.wrong[:200], flush=True)
        tries += found
    print(table(tries))
    return 0 if all(one.survived and not one.wrong for one in tries) else 1


if __name__ == "__main__":
    sys.exit(main())
