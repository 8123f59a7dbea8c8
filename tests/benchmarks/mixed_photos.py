"""A hundred photos of mixed quality, odd ones among them.

python -m tests.benchmarks.mixed_photos --photos FOLDER --out FOLDER

Builds the photos with what is expected of each, runs the workflow on them, checks every outcome,
adds ten more and checks that only new batches run. Ends with 1 when something is not as expected.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lib.planning import scan_photos
from tests.benchmarks.odd_photos import HEAD, IGNORED, odd_photos
from tests.runs import PROJECT, Run, outcomes, run

PICTURES = (".jpg", ".jpeg", ".png")
NO_PHOTOS = ("_skinmask", "_labels", "shiq")  # masks and objects in the data set
HARD = ("aflw2000", "dlib_voc")  # profiles and groups: a head or a reason are both right
ADDED = 10
ANY = ("anything",)

Manifest = dict[str, tuple[str, ...]]


def build(sources: Sequence[Path], folder: Path, count: int) -> tuple[Manifest, list[Path]]:
    """Fill a folder with odd photos and ordinary ones until there are `count`.

    Args:
        sources: folders of ordinary photos.
        folder: where to put the photos; is emptied.
        count: photos that the workflow should see.

    Returns:
        Name below the folder -> outcomes that are right; ordinary photos that were left over.
    """
    shutil.rmtree(folder, ignore_errors=True)
    manifest: Manifest = {}
    for photo in odd_photos():
        path = folder / photo.name
        path.parent.mkdir(parents=True, exist_ok=True)
        photo.write(path)
        manifest[photo.name] = photo.expected
    ordinary = [path for source in sources for path in pictures(source)]
    ordinary = _spread(ordinary)
    seen = sum(expected != IGNORED for expected in manifest.values())
    needed = max(0, count - seen)
    for path in ordinary[:needed]:
        name = copy_photo(path, folder)
        manifest[name] = ANY if path.parent.name in HARD else HEAD
    return manifest, ordinary[needed:]


def copy_photo(path: Path, folder: Path) -> str:
    """Copy a photo below a sub-folder named as its own; the name below `folder`."""
    name = f"{path.parent.name}/{path.name}"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / name)
    return name


def wrong_outcomes(manifest: Manifest, folder: Path, results: Path) -> list[tuple[str, str, str]]:
    """(name, found, expected) of every photo that did not end as it should."""
    known = read_by_path(results)
    listed = {
        os.path.realpath(os.path.dirname(s.image)) + "/" + os.path.basename(s.image)
        for s in scan_photos(folder)
    }
    wrong = []
    for name, expected in manifest.items():
        path = os.path.realpath((folder / name).parent) + "/" + os.path.basename(name)
        found = known.get(path, "missing") if path in listed else "ignored"
        right = found != "missing" and found != "crashed" if expected == ANY else found in expected
        if not right:
            wrong.append((name, found, " or ".join(expected)))
    return wrong


def read_by_path(results: Path) -> dict[str, str]:
    """Outcome per absolute path of a photo, links not followed."""
    result = {}
    for image, outcome in outcomes(results).items():
        absolute = PROJECT / image
        result[os.path.realpath(absolute.parent) + "/" + absolute.name] = outcome
    return result


def states(results: Path) -> dict[str, int]:
    """Time of change of every file in a batch's folder."""
    files = (path for path in results.glob("b*/**/*") if path.is_file())
    return {str(path.relative_to(results)): path.stat().st_mtime_ns for path in files}


def pictures(source: Path) -> list[Path]:
    """Photos below a folder, without the masks and objects of the data set, sorted."""
    return sorted(
        path
        for path in source.rglob("*")
        if path.suffix.lower() in PICTURES and not any(word in path.name for word in NO_PHOTOS)
    )


def _spread(paths: list[Path]) -> list[Path]:
    """The paths in a fixed order that takes from every folder in turn."""
    place = Counter()
    keyed = []
    for path in paths:
        keyed.append((place[path.parent], str(path), path))
        place[path.parent] += 1
    return [path for _, _, path in sorted(keyed)]


def _tell(title: str, done: Run, results: Path) -> None:
    print(f"\n{title}: exit {done.returncode}, {done.seconds:.0f} s, {len(done.jobs)} jobs")
    for outcome, number in sorted(Counter(outcomes(results).values()).items()):
        print(f"  {number:4d}  {outcome}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    data = os.environ.get("VISAGRAPH_DATA")
    parser.add_argument(
        "--photos",
        type=Path,
        nargs="+",
        default=[Path(data) / "photos"] if data else None,
        required=not data,
        help="folders of ordinary photos (default: $VISAGRAPH_DATA/photos)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for photos and results")
    parser.add_argument("--count", type=int, default=100, help="photos (default: 100)")
    parser.add_argument("--cores", type=int, default=2, help="cores (default: 2)")
    parser.add_argument("--batch-size", type=int, default=25, help="photos a batch (default: 25)")
    return parser


def main() -> int:
    """Run the benchmark; 0 when all is as expected."""
    options = _parser().parse_args()
    folder, results = options.out.resolve() / "photos", options.out.resolve() / "results"
    manifest, left = build(options.photos, folder, options.count)
    settings = {"photos": folder, "results": results, "batch_size": options.batch_size}
    print(f"{len(manifest)} files, {len(scan_photos(folder))} of them count as photos")

    first = run(cores=options.cores, **settings).check()
    _tell("first run", first, results)
    wrong = wrong_outcomes(manifest, folder, results)
    second = run(cores=options.cores, **settings).check()
    print(f"\nsecond run, nothing changed: {second.seconds:.1f} s, {len(second.jobs)} jobs")

    before = states(results)
    spare = left or [path for source in options.photos for path in pictures(source)]
    for number, path in enumerate(spare[:ADDED]):
        name = f"added/{number}_{path.name}"
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(path, folder / name)
        manifest[name] = ANY
    third = run(cores=options.cores, **settings).check()
    _tell(f"with {ADDED} more", third, results)
    wrong = wrong_outcomes(manifest, folder, results) or wrong
    after = states(results)
    touched = sorted(name for name in before if after.get(name) != before[name])

    for name, found, expected in wrong:
        print(f"  WRONG {name!r}: {found}, expected {expected}")
    for name in touched[:10]:
        print(f"  WRONG {name} of an old batch changed")
    if second.jobs:
        print(f"  WRONG the second run did {second.jobs}")
    good = not (wrong or touched or second.jobs)
    print("\nall as expected" if good else "\nnot as expected, see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
