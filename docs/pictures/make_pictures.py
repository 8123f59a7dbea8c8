"""The pictures of README.md from the files of one exported head.

make demo
.venv/bin/python docs/pictures/make_pictures.py results/demo/b0001/export/astronaut

The demo's portrait is NASA's and in the public domain.
"""

import argparse
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
WHITE = (255, 255, 255)
SIDE = 320
GAP = 6


def row(pictures: list[Image.Image]) -> Image.Image:
    """Pictures side by side, all of them `SIDE` high."""
    scaled = [p.resize((round(p.width * SIDE / p.height), SIDE)) for p in pictures]
    width = sum(p.width for p in scaled) + GAP * (len(scaled) - 1)
    sheet = Image.new("RGB", (width, SIDE), WHITE)
    left = 0
    for picture in scaled:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    return sheet


def panels(picture: Image.Image, count: int) -> list[Image.Image]:
    """A picture cut into `count` parts of equal width."""
    width = picture.width // count
    return [picture.crop((k * width, 0, (k + 1) * width, picture.height)) for k in range(count)]


def main(head: Path) -> None:
    """Write strip.jpg and turntable.jpg beside this file."""
    overlay = Image.open(head / "overlay.png").convert("RGB")
    turntable = Image.open(head / "turntable.png").convert("RGB")
    texture = Image.open(head / "albedo.png").convert("RGB")
    _, textured, clay = panels(overlay, 3)
    front, turned = panels(turntable, 5)[2:4]
    save(row([clay, textured, texture, front, turned]), "strip.jpg")
    save(turntable.resize((1200, 240)), "turntable.jpg")


def save(picture: Image.Image, name: str) -> None:
    """Write a small JPEG without metadata."""
    picture.save(HERE / name, quality=84, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("head", type=Path, help="folder of one exported head")
    main(parser.parse_args().head)
