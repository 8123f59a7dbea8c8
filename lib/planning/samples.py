"""The photos of a run: every image in a folder, or the rows of a sample sheet."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lib.errors import ConfigError
from lib.planning.cameras import camera_files
from lib.planning.names import slug, tidy_path, unique_name
from lib.planning.truth import find_truth

COLUMNS = ("capture", "view", "image", "subject", "camera", "mask", "truth")
SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "samples.schema.yaml"
FIRST_VIEW = "00"
_DOCUMENTS = (
    "txt md rst log pdf doc docx odt html htm xml xmp aae json yaml yml toml ini cfg csv tsv"
)
_DATA = "xls xlsx mat npy npz h5 hdf5 pkl pts db lnk url zip gz tar 7z rar mp4 mov avi mkv mp3 wav"
_CODE = "obj mtl ply stl glb gltf fbx blend py sh ipynb"
NEVER_PHOTOS = frozenset(f"{_DOCUMENTS} {_DATA} {_CODE}".split())


class Sample(NamedTuple):
    """One image and what it shows.

    Args:
        capture: name of the moment that it belongs to.
        view: name of the view; the views of a capture are sorted by it.
        image: path of the image; relative to the working folder where it lies below it.
        subject: whose face; captures of one subject share an identity.
        camera: path of a file or folder with known cameras, or empty.
        size: bytes of image, camera files and mask together; -1 when the image is not there.
        mtime_ns: when the youngest of them was changed; -1 when the image is not there.
        truth: what the capture is compared with, see `lib.planning.truth`; empty = nothing. It
            belongs to the capture: all its views have the same.
        truth_size: bytes of the truth's files; 0 without a truth.
        truth_mtime_ns: when the youngest of them was changed; 0 without a truth.
        mask: path of a picture that is white where the face is, or empty.
    """

    capture: str
    view: str
    image: str
    subject: str
    camera: str
    size: int
    mtime_ns: int
    truth: str = ""
    truth_size: int = 0
    truth_mtime_ns: int = 0
    mask: str = ""


def scan_photos(folder: str | Path, known: Mapping[str, str] | None = None) -> list[Sample]:
    """Every photo below a folder, sorted by path; each its own capture and its own subject.

    Every regular file counts, whatever it holds, except hidden files and kinds that are never
    photos (`NEVER_PHOTOS`, `Thumbs.db`). Links are followed; a link to a folder that was already
    listed is not.

    Args:
        folder: the photo folder.
        known: image path -> capture name of earlier runs; a photo keeps its name when others come
            or go. New photos get `slug` of their path, with a short hash where it is in use.

    Raises:
        ConfigError: the folder is not there, cannot be listed, or holds no photo.
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        raise ConfigError(
            f"photos: '{folder}' is not a folder. Put your photos in a folder and name it: "
            "--config photos=FOLDER"
        )
    found = sorted(_image_files(folder), key=lambda item: item[0])
    if not found:
        raise ConfigError(
            f"photos: '{folder}' holds no photo. Put JPEG, PNG or other photos in it."
        )
    known = known or {}
    taken = {name.casefold() for name in known.values()}
    samples = []
    for relative, path, size, mtime_ns in found:
        image = tidy_path(path)
        name = known.get(image)
        if name is None:
            name = unique_name(relative, taken)
            taken.add(name.casefold())
        samples.append(Sample(name, FIRST_VIEW, image, name, "", size, mtime_ns))
    return samples


def read_samples(sheet: str | Path) -> list[Sample]:
    """The rows of a sample sheet: tab-separated, one line per image, with a header.

    Only `image` is needed. `capture` defaults to the image's name, `view` to the number of the row
    within its capture (`00`, `01`, ...), `subject` to the capture, `camera`, `mask` and `truth` to
    none. Relative paths start at the sheet's folder. Lines that start with `#` are skipped.

    Args:
        sheet: path of the .tsv file.

    Raises:
        ConfigError: the sheet breaks a rule, or a truth is not there; names the file, the line,
            the column and what to do.
    """
    sheet = os.fspath(sheet)
    allowed = _column_rules()
    rows: list[dict[str, str]] = []
    lines: list[int] = []
    for line, row in _sheet_rows(sheet):
        for column, value in row.items():
            rule = allowed[column]
            if value and not rule.pattern.fullmatch(value):
                raise _wrong_value(sheet, line, column, value, rule)
        if not row.get("image"):
            raise ConfigError(f"{sheet}, line {line}, column image: empty. Name an image file.")
        rows.append(row)
        lines.append(line)
    if not rows:
        raise ConfigError(f"{sheet} has no rows. Add one line per image below the header.")
    return _samples_of(sheet, rows, lines)


def file_state(image: str, camera: str = "", mask: str = "") -> tuple[int, int]:
    """(size, mtime_ns) of an image with its camera files and its mask, as `Sample` keeps them."""
    try:
        state = os.stat(image)
    except OSError:
        return -1, -1
    size, mtime_ns = state.st_size, state.st_mtime_ns
    for other in [*camera_files(camera), *([mask] if mask else [])]:
        try:
            state = os.stat(other)
        except OSError:
            continue
        size, mtime_ns = size + state.st_size, max(mtime_ns, state.st_mtime_ns)
    return size, mtime_ns


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    description: str


def _image_files(folder: str) -> Iterator[tuple[str, str, int, int]]:
    """(relative path with `/`, path, size, mtime_ns) of every file that counts as a photo."""
    waiting, listed = [(folder, "")], {os.path.realpath(folder)}
    while waiting:
        here, prefix = waiting.pop()
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            raise ConfigError(
                f"photos: the folder '{here}' cannot be listed ({error.strerror}). "
                "Make it readable, or move it out of the photo folder."
            ) from error
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                if real not in listed and os.path.realpath(real) not in listed:
                    listed.add(os.path.realpath(real))
                    waiting.append((entry.path, f"{prefix}{entry.name}/"))
            elif may_be_photo(entry):
                try:
                    state = entry.stat()
                    yield prefix + entry.name, entry.path, state.st_size, state.st_mtime_ns
                except OSError:  # a broken link: a photo that is not there
                    yield prefix + entry.name, entry.path, -1, -1


def may_be_photo(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is a file of none of the kinds that are never photos."""
    extension = entry.name.rpartition(".")[2].lower() if "." in entry.name else ""
    return extension not in NEVER_PHOTOS and (entry.is_file() or entry.is_symlink())


def _sheet_rows(sheet: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, column -> stripped text) of a sheet, its header checked."""
    try:
        with open(sheet, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter="\t")
            columns: list[str] | None = None
            for cells in reader:
                line = reader.line_num
                if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
                    continue
                if columns is None:
                    columns = _checked_header(sheet, line, [cell.strip() for cell in cells])
                    continue
                if len(cells) > len(columns):
                    raise ConfigError(
                        f"{sheet}, line {line}: {len(cells)} cells, the header names "
                        f"{len(columns)}. Separate columns by exactly one tab."
                    )
                cells += [""] * (len(columns) - len(cells))
                yield line, {c: v.strip() for c, v in zip(columns, cells, strict=True)}
    except OSError as error:
        raise ConfigError(
            f"samples: '{sheet}' cannot be read ({error.strerror}). Name a sheet: "
            "--config samples=SHEET.tsv"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            f"samples: '{sheet}' is not a tab-separated UTF-8 text file ({error}). "
            "Save it as UTF-8 text with tabs between the columns."
        ) from error


def _checked_header(sheet: str, line: int, columns: list[str]) -> list[str]:
    advice = f"The columns are {', '.join(COLUMNS)}; only image is needed."
    if len(columns) == 1 and re.search(r"[,;]", columns[0]):
        raise ConfigError(
            f"{sheet}, line {line}: the header has no tabs. Separate columns by tabs."
        )
    for column in columns:
        if column not in COLUMNS:
            raise ConfigError(f"{sheet}, line {line}: unknown column '{column}'. {advice}")
    if len(set(columns)) < len(columns):
        raise ConfigError(f"{sheet}, line {line}: a column is named twice. {advice}")
    if "image" not in columns:
        raise ConfigError(f"{sheet}, line {line}: the column image is missing. {advice}")
    return columns


def _samples_of(sheet: str, rows: list[dict[str, str]], lines: list[int]) -> list[Sample]:
    folder = os.path.dirname(sheet)
    taken = {row["capture"].casefold() for row in rows if row.get("capture")}
    views: dict[str, dict[str, int]] = {}
    spelling: dict[str, tuple[str, int]] = {}
    samples = []
    for row, line in zip(rows, lines, strict=True):
        capture = row.get("capture", "")
        if not capture:
            capture = unique_name(os.path.basename(row["image"]), taken)
            taken.add(capture.casefold())
        first, first_line = spelling.setdefault(capture.casefold(), (capture, line))
        if first != capture:
            raise ConfigError(
                f"{sheet}, line {line}, column capture: '{capture}' differs from '{first}' in "
                f"line {first_line} only by case. Use one spelling, or two different names."
            )
        seen = views.setdefault(capture, {})
        view = row.get("view") or f"{len(seen):02d}"
        if view in seen:
            raise ConfigError(
                f"{sheet}, line {line}, column view: '{view}' of capture '{capture}' is also in "
                f"line {seen[view]}. Give every view of a capture its own name."
            )
        seen[view] = line
        image = tidy_path(os.path.join(folder, row["image"]))
        camera, mask = (
            tidy_path(os.path.join(folder, row[column])) if row.get(column) else ""
            for column in ("camera", "mask")
        )
        subject = row.get("subject") or capture
        state = file_state(image, camera, mask)
        samples.append(Sample(capture, view, image, subject, camera, *state, mask=mask))
    _check_subjects(sheet, samples, lines)
    return _with_truths(sheet, samples, [row.get("truth", "") for row in rows], lines)


def _with_truths(
    sheet: str, samples: list[Sample], truths: list[str], lines: list[int]
) -> list[Sample]:
    """The samples, each with its capture's truth; one row of a capture is enough to name it."""
    named: dict[str, tuple[str, int]] = {}
    for sample, truth, line in zip(samples, truths, lines, strict=True):
        if not truth:
            continue
        first, first_line = named.setdefault(sample.capture, (truth, line))
        if first != truth:
            raise ConfigError(
                f"{sheet}, line {line}, column truth: capture '{sample.capture}' has the truth "
                f"'{truth}' here and '{first}' in line {first_line}. A capture has one truth: give "
                "both lines the same."
            )
    folder = os.path.dirname(sheet)
    found = {}
    for capture, (truth, line) in named.items():
        try:
            found[capture] = find_truth(truth, folder)
        except ConfigError as error:
            raise ConfigError(f"{sheet}, line {line}, column truth: {error}") from error
    return [
        sample._replace(**found[sample.capture]._asdict()) if sample.capture in found else sample
        for sample in samples
    ]


def _check_subjects(sheet: str, samples: list[Sample], lines: list[int]) -> None:
    subject_of: dict[str, tuple[str, int]] = {}
    for sample, line in zip(samples, lines, strict=True):
        subject, first_line = subject_of.setdefault(sample.capture, (sample.subject, line))
        if subject != sample.subject:
            raise ConfigError(
                f"{sheet}, line {line}, column subject: capture '{sample.capture}' is of "
                f"'{sample.subject}' here and of '{subject}' in line {first_line}. A capture shows "
                "one subject: give both lines the same."
            )


def _column_rules() -> dict[str, _Rule]:
    """What each column may hold, compiled from the schema: 100 times faster than row by row."""
    properties = _schema()["items"]["properties"]
    return {
        column: _Rule(re.compile(rule["pattern"]), " ".join(rule["description"].split()))
        for column, rule in properties.items()
    }


def _schema() -> dict[str, Any]:
    import yaml

    with open(SCHEMA, encoding="utf-8") as file:
        return yaml.safe_load(file)


def _wrong_value(sheet: str, line: int, column: str, value: str, rule: _Rule) -> ConfigError:
    hint = f" For example: {slug(value)}" if column in ("capture", "view") else ""
    return ConfigError(
        f"{sheet}, line {line}, column {column}: '{value}' is not allowed. {rule.description}{hint}"
    )
