"""Photos in folders and sheets become samples with safe, stable names."""

import os
import re

import jsonschema
import pytest
import yaml

from lib.errors import ConfigError
from lib.planning import read_samples, scan_photos
from lib.planning.names import slug, tidy_path, unique_name
from lib.planning.sheet import SCHEMA

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names_of(samples):
    return {os.path.basename(sample.image): sample.capture for sample in samples}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("anna.jpg", "anna"),
        ("trip/day 1/IMG 01.JPG", "trip__day_1__IMG_01"),
        ("Jürgen Groß.png", "Jurgen_Gross"),
        ("张伟.jpg", "u5f20u4f1f"),
        ("...jpg", "jpg"),
        ("a..b.jpg", "a.b"),
        ("-rf.jpg", "rf"),
        ("   .jpg", "photo"),
        ("no_extension", "no_extension"),
        ("a.b/c", "a.b__c"),
        ("emoji 😀.webp", "emoji_u1f600"),
        ("tab\tand\nline.jpg", "tab_and_line"),
    ],
)
def test_names_are_safe_and_readable(path, name):
    assert slug(path) == name
    assert SAFE.fullmatch(name)


def test_a_taken_or_long_name_gets_a_hash_of_its_path():
    assert re.fullmatch(r"anna-[0-9a-f]{6}", unique_name("anna.png", {"anna"}))
    assert unique_name("anna.png", {"anna"}) != unique_name("anna.gif", {"anna"})
    assert re.fullmatch(r"x{80}-[0-9a-f]{6}", unique_name("x" * 300 + ".jpg", set()))


def test_every_file_that_calls_itself_an_image_counts_and_sidecars_do_not(tmp_path):
    wanted = ["a.jpg", "b.PNG", "c", "sub/d.heic", "e.unknown", "f.cr2"]
    touch(
        tmp_path, *wanted, "Thumbs.db", ".hidden.jpg", ".git/x.jpg", "a.json", "notes.txt", "m.npy"
    )
    found = [os.path.relpath(s.image, tmp_path) for s in scan_photos(tmp_path)]
    assert found == sorted(wanted)


def test_links_are_followed_once_and_broken_links_count(tmp_path):
    touch(tmp_path, "photos/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "photos" / "loop").symlink_to(tmp_path / "photos")
    (tmp_path / "photos" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos" / "broken.jpg").symlink_to(tmp_path / "gone")
    found = {s.capture: s.size for s in scan_photos(tmp_path / "photos")}
    assert found == {"a": 1, "broken": -1, "more__b": 1}


def test_names_stay_when_photos_come_and_go(tmp_path):
    touch(tmp_path, "b.jpg", "b.png", "sub/c.jpg")
    before = scan_photos(tmp_path)
    known = {s.image: s.capture for s in before}
    (tmp_path / "b.jpg").unlink()
    touch(tmp_path, "a.jpg", "b.gif", "B.webp")
    after = scan_photos(tmp_path, known)
    assert {s.image: s.capture for s in after if s.image in known}.items() <= known.items()
    names = [s.capture.casefold() for s in after] + ["b"]
    assert len(set(names)) == len(names), "a removed photo's name was given to another"


def test_a_photo_is_its_own_subject_and_knows_size_and_age(tmp_path):
    touch(tmp_path, "a.jpg")
    os.utime(tmp_path / "a.jpg", ns=(5, 1234567890123456789))
    (only,) = scan_photos(tmp_path)
    assert only.subject == only.capture == "a"
    assert (only.view, only.camera, only.size) == ("00", "", 1)
    assert only.mtime_ns == 1234567890123456789


def test_a_missing_or_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="not a folder"):
        scan_photos(tmp_path / "gone")
    with pytest.raises(ConfigError, match="holds no photo"):
        scan_photos(tmp_path)


def test_the_same_folder_has_the_same_paths_however_it_is_spelled(tmp_path, monkeypatch):
    touch(tmp_path, "photos/a.jpg")
    monkeypatch.chdir(tmp_path)
    spellings = ["photos", "./photos/", "photos/../photos", tmp_path / "photos"]
    assert {scan_photos(s)[0].image for s in spellings} == {"photos/a.jpg"}
    assert tidy_path("/elsewhere/a.jpg") == "/elsewhere/a.jpg"


def sheet_of(folder, text):
    path = folder / "samples.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_sheet_with_only_images_takes_every_default(tmp_path):
    touch(tmp_path, "a.jpg", "b c.jpg")
    first, second = read_samples(sheet_of(tmp_path, "image\na.jpg\n# note\n\nb c.jpg\n"))
    assert first.image == str(tmp_path / "a.jpg")
    assert (first.capture, first.view, first.subject, first.size) == ("a", "00", "a", 1)
    assert second.capture == "b_c"


def test_rows_of_one_capture_are_its_views(tmp_path):
    text = "capture\timage\tsubject\tcamera\nx\t1.jpg\tanna\tcams.json\nx\t/abs/2.jpg\tanna\t\n"
    first, second = read_samples(sheet_of(tmp_path, text))
    assert [first.view, second.view] == ["00", "01"]
    assert first.camera == str(tmp_path / "cams.json")
    assert second.image == "/abs/2.jpg"
    assert {first.subject, second.subject} == {"anna"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        ("image\n", "has no rows"),
        ("capture\tview\nx\t0\n", r"line 1: the column image is missing"),
        (
            "image\tcolour\na.jpg\tred\n",
            r"line 1: unknown column 'colour'. The columns are capture",
        ),
        ("image\timage\na\tb\n", "named twice"),
        ("image,capture\na.jpg,x\n", "has no tabs"),
        ("image\tcapture\na.jpg\tmy face\n", r"line 2, column capture: 'my face' .*: my_face"),
        ("image\tcapture\na.jpg\ta/../b\n", r"line 2, column capture"),
        ("image\tcapture\na.jpg\ta..b\n", r"line 2, column capture"),
        ("image\tcapture\n\tx\n", r"line 2, column image: empty"),
        ("image\na.jpg\tb\n", r"line 2: 2 cells, the header names 1"),
        ("capture\tview\timage\nx\t0\ta\nx\t0\tb\n", r"line 3, column view: '0' .* line 2"),
        ("capture\tsubject\timage\nx\ts\ta\nx\tt\tb\n", r"line 3, column subject: .* line 2"),
        ("capture\timage\nx\ta\nX\tb\n", r"line 3, column capture: 'X' differs from 'x'"),
    ],
)
def test_a_wrong_sheet_names_line_column_and_remedy(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        read_samples(sheet_of(tmp_path, text))


def test_unreadable_sheets_say_so(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_samples(tmp_path / "gone.tsv")
    (tmp_path / "bytes.tsv").write_bytes(b"image\n\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_samples(tmp_path / "bytes.tsv")


def test_the_schema_is_valid_and_agrees_with_the_reader(tmp_path):
    schema = yaml.safe_load(SCHEMA.read_text())
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    for name, good in (("a.b-c_1", True), ("a b", False), ("a..b", False), ("a/b", False)):
        rows = [{"image": "a.jpg", "capture": name}]
        fits = not list(validator(schema).iter_errors(rows))
        assert fits == good
        sheet = sheet_of(tmp_path, f"image\tcapture\na.jpg\t{name}\n")
        if good:
            assert read_samples(sheet)[0].capture == name
        else:
            with pytest.raises(ConfigError):
                read_samples(sheet)
