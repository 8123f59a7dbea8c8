import numpy as np
import pytest
from PIL import Image

from lib.training.datalist import (
    DatalistError,
    PhotoFiles,
    files_of_mask,
    flipped,
    read_datalist,
    read_training_photo,
    write_datalists,
)

HEIGHT, WIDTH = 30, 40
POINTS = np.random.default_rng(0).uniform(0, 29, (68, 2))


def prepared(root, name="anna.png", folder="datasets/mine"):
    """One photo as the published data preparation leaves it."""
    base = root / folder
    for part in ("landmarks", "mask"):
        (base / part).mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(pixels).save(base / name)
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), 51, np.uint8)).save(base / "mask" / name)
    up = np.column_stack([POINTS[:, 0], HEIGHT - 1 - POINTS[:, 1]])
    stem = name.rpartition(".")[0]
    np.savetxt(base / "landmarks" / f"{stem}.txt", up)
    lists = root / "datalist/train"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / "masks.txt").write_text(f"{folder}/mask/{name}\n\n")
    return pixels, lists / "masks.txt"


def test_a_folder_of_the_published_preparation_is_read(tmp_path):
    pixels, masks = prepared(tmp_path)
    (files,) = read_datalist(masks)
    photo = read_training_photo(files)
    np.testing.assert_array_equal(photo.image, pixels)
    np.testing.assert_allclose(photo.points_px, POINTS)
    np.testing.assert_allclose(photo.mask, np.full((HEIGHT, WIDTH), 0.2), rtol=1e-6)
    assert photo.name == "anna"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("png.mask.jpg.png", "datasets/mine"),
        ("mask.png", "unmasked_jpg/png/mask"),
        ("a b.png", "masks/landmarks"),
    ],
)
def test_words_inside_other_names_do_not_lead_to_other_files(tmp_path, name, folder):
    pixels, masks = prepared(tmp_path, name, folder)
    (files,) = read_datalist(masks)
    assert files.image == tmp_path / folder / name
    assert files.landmarks.parent == tmp_path / folder / "landmarks"
    np.testing.assert_array_equal(read_training_photo(files).image, pixels)


def test_paths_may_count_from_another_folder_or_from_the_root(tmp_path):
    _, masks = prepared(tmp_path / "data")
    moved = tmp_path / "list.txt"
    moved.write_text(masks.read_text())
    assert read_datalist(moved, tmp_path / "data") == read_datalist(masks)
    moved.write_text(str(tmp_path / "data" / masks.read_text()))
    assert read_datalist(moved, "elsewhere") == read_datalist(masks)


def test_lists_are_written_as_they_are_read(tmp_path):
    _, masks = prepared(tmp_path)
    found = read_datalist(masks)
    write_datalists(tmp_path, "val", found)
    assert read_datalist(tmp_path / "datalist/val/masks.txt") == found
    text = (tmp_path / "datalist/val/images.txt").read_text()
    assert text == "datasets/mine/anna.png\n"


def test_y_counted_from_the_other_end_is_the_published_one():
    np.testing.assert_array_equal(
        flipped(np.array([[3.0, 0.0], [1.0, 29.0]]), 30), [[3, 29], [1, 0]]
    )
    np.testing.assert_allclose(flipped(flipped(POINTS, 30), 30), POINTS)


def test_a_list_that_cannot_be_used_is_told(tmp_path):
    with pytest.raises(DatalistError, match=r"masks\.txt is not there.*write_dataset"):
        read_datalist(tmp_path / "masks.txt")
    (tmp_path / "masks.txt").write_text("\n\n")
    with pytest.raises(DatalistError, match="names no mask"):
        read_datalist(tmp_path / "masks.txt")
    with pytest.raises(DatalistError, match=r"folder 'landmarks', expected '\.\.\./mask/a\.png'"):
        files_of_mask(tmp_path / "landmarks" / "a.png")


def test_files_that_do_not_fit_the_photo_are_told(tmp_path):
    _, masks = prepared(tmp_path)
    (files,) = read_datalist(masks)
    np.savetxt(files.landmarks, POINTS[:5])
    with pytest.raises(DatalistError, match=r"anna\.txt holds numbers of shape \(5, 2\)"):
        read_training_photo(files)
    files.landmarks.unlink()
    with pytest.raises(DatalistError, match=r"anna\.txt cannot be read"):
        read_training_photo(files)
    Image.fromarray(np.zeros((WIDTH, HEIGHT, 3), np.uint8)).save(files.mask)
    with pytest.raises(DatalistError, match=r"is 30 x 40 px, its photo 40 x 30 px as stored"):
        read_training_photo(files)
    files.mask.write_bytes(b"no picture")
    with pytest.raises(DatalistError, match=r"mask/anna\.png cannot be read"):
        read_training_photo(files)
    with pytest.raises(DatalistError, match=r"no\.png cannot be read"):
        read_training_photo(PhotoFiles(tmp_path / "no.png", files.landmarks, files.mask))
