import json

import numpy as np
import pytest

from lib.errors import ConfigError
from lib.networks.given import check_folder, read_given

POINTS = np.random.default_rng(0).uniform(0, 100, (68, 2)).round(3)


def test_all_file_kinds_give_the_same_points(tmp_path):
    np.savetxt(tmp_path / "a.txt", POINTS, fmt="%.3f")
    np.savetxt(tmp_path / "b.csv", POINTS, fmt="%.3f", delimiter=",", header="x,y", comments="")
    (tmp_path / "c.json").write_text(json.dumps({"points": POINTS.tolist()}))
    body = "\n".join(f"{x + 1} {y + 1}" for x, y in POINTS)  # iBUG tools count from 1
    (tmp_path / "d.pts").write_text(f"version: 1\nn_points: 68\n{{\n{body}\n}}\n")
    (tmp_path / "e.json").write_text(json.dumps(POINTS.tolist()))
    for name in "abcde":
        (given,) = read_given(tmp_path, f"{name}.jpg")
        np.testing.assert_allclose(given.points_px, POINTS, atol=1e-9, err_msg=name)
        assert given.scheme == "ibug68"


def test_a_null_in_json_is_a_point_that_nobody_marked(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"points": [None, [1, 2], [3, 4], [5, 6], [7, 8]]}))
    (given,) = read_given(tmp_path, "a.png")
    assert np.isnan(given.points_px[0]).all() and given.scheme == "points5"


def test_a_file_may_hold_several_boxes(tmp_path):
    (tmp_path / "a.txt").write_text("# x0 y0 x1 y1\n10 20 30 40\n50 60 90 99\n")
    boxes = [given.box_px.tolist() for given in read_given(tmp_path, "a.jpg")]
    assert boxes == [[10, 20, 30, 40], [50, 60, 90, 99]]


def test_a_photo_without_a_file_has_no_faces(tmp_path):
    assert read_given(tmp_path, "nobody.jpg") == []


@pytest.mark.parametrize("text", ["1 2\n3 4\n", "hello\n", "1 2 3 4 5\n", ""])
def test_a_file_of_another_kind_is_refused_by_name(tmp_path, text):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(ConfigError, match=r"a\.txt"):
        read_given(tmp_path, "a.jpg")


def test_a_folder_that_is_not_set_is_told_by_its_key():
    with pytest.raises(ConfigError, match=r"detection\.folder is not set"):
        check_folder("", "detection.folder")
