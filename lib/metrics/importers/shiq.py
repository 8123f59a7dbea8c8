"""The folders of SHIQ: photos with highlights, without, and masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lib.metrics.importers.files import need_file, need_folder, need_items


@dataclass(frozen=True)
class ShiqItem:
    """One photo.

    Args:
        name: before the underscore.
        image: with highlight, sRGB.
        diffuse: without.
        mask: grey, 255 = highlight.
        specular: the highlight alone, None where it is not there.
    """

    name: str
    image: Path
    diffuse: Path
    mask: Path
    specular: Path | None


def read_shiq(folder: Path) -> Iterator[ShiqItem]:
    """The photos of one set (train or test) by name.

    Layout: `name_A.png` the photo, `name_D.png` without highlight, `name_T.png` the mask. That
    `name_S.png` is the highlight was not confirmed; it is optional.

    Raises:
        DatasetError: there is nothing, or a photo lacks its truth.
    """
    images = sorted(need_folder(folder, "name_A.png, name_D.png, name_T.png").glob("*_A.png"))
    need_items(images, folder, "name_A.png, name_D.png, name_T.png")
    for image in images:
        name = image.stem[: -len("_A")]
        specular = folder / f"{name}_S.png"
        yield ShiqItem(
            name,
            image,
            need_file(folder / f"{name}_D.png", f"{name} without highlight"),
            need_file(folder / f"{name}_T.png", f"the highlight mask of {name}"),
            specular if specular.is_file() else None,
        )
