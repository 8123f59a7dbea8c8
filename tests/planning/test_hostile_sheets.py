"""Sample sheets and photo folders of strangers: no name leads anywhere, none is ever run."""

import re

import pytest
import yaml

from lib.errors import ConfigError
from lib.planning import read_samples, scan_photos
from lib.planning.sheet import SCHEMA

CAPTURE = yaml.safe_load(SCHEMA.read_text())["items"]["properties"]["capture"]["pattern"]
PATHS = (
    *("../up", "..", ".", "/abs", "a/b", "a\\b", "a/../../b", "~", "~root", "-rf", "--config"),
    *("$(touch x)", "`touch x`", "a;touch x", "a|b", "a&b", "a>b", "a*", "a?", "{wildcards}", "%s"),
    *("a\u202eb", "\u0430nna", "anna\u200b", "\uff41", "a\x7f", "a\u2028b", "a" * 121, "a b", "a'"),
)
CONTROL = ('"a\nb.jpg"', '"a\rb.jpg"', "a\x00b.jpg", "a\x1b[2Jb.jpg", "a\x07.jpg")


def sheet(folder, text):
    path = folder / "samples.tsv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("column", ["capture", "view"])
@pytest.mark.parametrize("name", PATHS)
def test_names_that_could_lead_elsewhere_are_refused(tmp_path, column, name):
    with pytest.raises(ConfigError, match=f"line 2, column {column}: .* is not allowed"):
        read_samples(sheet(tmp_path, f"image\t{column}\na.jpg\t{name}\n"))


@pytest.mark.parametrize("column", ["image", "camera", "mask", "truth"])
@pytest.mark.parametrize("cell", CONTROL)
def test_paths_of_several_lines_or_control_letters_are_refused(tmp_path, column, cell):
    others = "" if column == "image" else "\timage"
    rest = "" if column == "image" else "\ta.jpg"
    with pytest.raises(ConfigError, match=f"column {column}: "):
        read_samples(sheet(tmp_path, f"{column}{others}\n{cell}{rest}\n"))


@pytest.mark.parametrize("subject", ["anna\u202egnp", '"a\nb"', "\u2066a", "a\x1b[1m", "a" * 201])
def test_subjects_that_would_be_shown_as_something_else_are_refused(tmp_path, subject):
    with pytest.raises(ConfigError, match="column subject: "):
        read_samples(sheet(tmp_path, f"image\tsubject\na.jpg\t{subject}\n"))


def test_subjects_of_any_script_are_taken(tmp_path):
    for name in ("Aña", "张三", "أحمد", "שרה", "O'Brien; $(x)", "<b>"):
        assert read_samples(sheet(tmp_path, f"image\tsubject\na\t{name}\n"))[0].subject == name


def test_a_cell_without_end_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="field larger than field limit"):
        read_samples(sheet(tmp_path, f"image\n{'a' * 200_000}\n"))


@pytest.mark.parametrize(
    "image",
    ["../up.jpg", "/etc/up.jpg", "$(touch x).jpg", "`x`.jpg", "{x}.jpg", "..", "\u202ea.jpg"],
)
def test_an_image_may_lie_anywhere_and_its_capture_stays_in_the_results(tmp_path, image):
    (sample,) = read_samples(sheet(tmp_path, f"image\n{image}\n"))
    assert re.fullmatch(CAPTURE, sample.capture)
    results = tmp_path / "out"
    assert results in (results / sample.capture).resolve().parents


def test_photos_of_any_name_get_captures_that_stay_in_the_results(tmp_path):
    names = [
        "$(touch x).jpg",
        "a\nb.jpg",
        "-rf.jpg",
        "\u202egpj.a",
        "jpg..jpg",
        "'; x.jpg",
        "%2e%2e",
    ]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    found = scan_photos(tmp_path)
    assert len(found) == len(names) and len({s.capture for s in found}) == len(names)
    assert all(re.fullmatch(CAPTURE, sample.capture) for sample in found)


def test_links_out_of_a_photo_folder_are_followed_as_the_user_made_them(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "outside.jpg").write_bytes(b"x")
    (tmp_path / "photos" / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (sample,) = scan_photos(tmp_path / "photos")
    assert sample.capture == "link" and sample.size == 1
