"""Weight cards: what a network file is, where it comes from, under which licence, and its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lib.errors import MissingModelError

MEDIAPIPE_LICENCE = "Apache-2.0 (The MediaPipe Authors)"


@dataclass(frozen=True)
class WeightCard:
    """One file of network weights.

    Args:
        name: short name used in messages.
        task: what the network tells.
        file: file name in the weights folder.
        sha256: hash of the file; empty when any version is accepted.
        size_mb: size of the file.
        licence: licence of the weights, with contradictions told.
        source: package or page that carries the file, with the path inside.
        obtain: command or step that puts the file in place.
        input: layout and range of the input.
        output: layout and meaning of the output.
        paper: publication.
    """

    name: str
    task: str
    file: str
    sha256: str
    size_mb: float
    licence: str
    source: str
    obtain: str
    input: str
    output: str
    paper: str


FETCH_COMMAND = "snakemake --cores 1 fetch_landmark_models"

BLAZEFACE = WeightCard(
    name="blazeface_short_range",
    task="boxes and six points of upright faces",
    file="face_detection_short_range.tflite",
    sha256="bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    size_mb=0.23,
    licence=MEDIAPIPE_LICENCE,
    source="mediapipe 0.10.21 wheel: mediapipe/modules/face_detection/",
    obtain=FETCH_COMMAND,
    input="(1, 3, 128, 128) RGB, sRGB encoded, -1..1",
    output="(896, 1) logits and (896, 16) box centre, size and six points about the anchors, px",
    paper="Bazarevsky et al. 2019, arXiv 1907.05047",
)

FACE_MESH = WeightCard(
    name="face_mesh_468",
    task="468 points of one face and the probability that it is a face",
    file="face_landmark.tflite",
    sha256="1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    size_mb=1.24,
    licence=MEDIAPIPE_LICENCE,
    source="mediapipe 0.10.21 wheel: mediapipe/modules/face_landmark/",
    obtain=FETCH_COMMAND,
    input="(1, 3, 192, 192) RGB, sRGB encoded, 0..1, roll-aligned crop of 1.5 face boxes",
    output="(468, 3) x, y, z in crop px and one presence logit",
    paper="Kartynnik et al. 2019, arXiv 1907.06724",
)

IRIS = WeightCard(
    name="iris",
    task="outline of one eye and of its iris",
    file="iris_landmark.tflite",
    sha256="d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
    size_mb=2.64,
    licence=MEDIAPIPE_LICENCE,
    source="mediapipe 0.10.21 wheel: mediapipe/modules/iris_landmark/",
    obtain=FETCH_COMMAND,
    input="(1, 3, 64, 64) RGB, sRGB encoded, 0..1, crop of one eye",
    output="(71, 3) eye outline and (5, 3) iris, crop px",
    paper="Ablavatski et al. 2020, arXiv 2006.11341",
)

DLIB_68 = WeightCard(
    name="dlib_68",
    task="68 iBUG points in a face box",
    file="shape_predictor_68_face_landmarks.dat",
    sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
    size_mb=99.7,
    licence=(
        "contradictory: Debian's libdlib-data declares CC0-1.0; its author says that it was "
        "trained on iBUG 300-W, whose licence excludes commercial use"
    ),
    source="Debian package libdlib-data, or face_recognition_models 0.3.0 on PyPI (same file)",
    obtain="apt-get install libdlib-data, then copy /usr/share/dlib/<file> to the folder",
    input="8 bit image and a box as dlib's HOG detector draws it",
    output="(68, 2) px",
    paper="Kazemi & Sullivan 2014, CVPR",
)

_MTCNN_SOURCE = "facenet-pytorch 2.6.0 wheel: facenet_pytorch/data/"
_MTCNN_OBTAIN = "pip download --no-deps facenet-pytorch==2.6.0, then unzip facenet_pytorch/data/*"
_MTCNN_PAPER = "Zhang et al. 2016, IEEE Signal Processing Letters 23(10)"


def _mtcnn(stage: str, size: str, output: str, size_mb: float) -> WeightCard:
    return WeightCard(
        name=f"mtcnn_{stage}net",
        task=f"stage {'pro'.index(stage) + 1} of 3 of the MTCNN face detector",
        file=f"{stage}net.pt",
        sha256="",
        size_mb=size_mb,
        licence="MIT (Tim Esler, David Sandberg); trained on WIDER FACE and CelebA, for research",
        source=_MTCNN_SOURCE,
        obtain=_MTCNN_OBTAIN,
        input=f"(n, 3, {size}) RGB, (x - 127.5) / 128",
        output=output,
        paper=_MTCNN_PAPER,
    )


MTCNN = (
    _mtcnn("p", "h, w", "(n, 2, h', w') face probability, (n, 4, h', w') box offsets", 0.03),
    _mtcnn("r", "24, 24", "(n, 2) face probability, (n, 4) box offsets", 0.40),
    _mtcnn("o", "48, 48", "(n, 2) probability, (n, 4) box offsets, (n, 10) five points", 1.56),
)

_V3_FOLDER = "Hugging Face dataset Zidu-Wang/3DDFA-V3, folder assets/"
_V3_OBTAIN = "download it from there, put it anywhere and name it in the setting"

RETINAFACE = WeightCard(
    name="retinaface_resnet50",
    task="boxes and five points of faces",
    file="retinaface_resnet50_2020-07-20_old_torch.pth",
    sha256="",
    size_mb=109.4,
    licence="MIT (Vladimir Iglovikov); trained on WIDER FACE, which is for research",
    source=f"{_V3_FOLDER}; no package carries it: retinaface-pytorch 0.0.8 and others download",
    obtain=f"{_V3_OBTAIN} detection.weights",
    input="(n, 3, 512, 512) RGB, ImageNet mean and deviation, longer side 512, centred",
    output="(n, 10752, 4) box offsets, (n, 10752, 2) logits, (n, 10752, 10) offsets of points",
    paper="Deng et al. 2020, RetinaFace, CVPR",
)

POINTS_106 = WeightCard(
    name="points_106",
    task="106 points of one face",
    file="large_base_net.pth",
    sha256="",
    size_mb=7.0,
    licence="not stated for the file; it comes with HRN (Apache-2.0) and 3DDFA_V3 (MIT)",
    source=_V3_FOLDER,
    obtain=f"{_V3_OBTAIN} landmarks.weights",
    input="(n, 3, 224, 224) RGB minus (103.94, 116.78, 123.68), over 255; 1.35 face boxes",
    output="(n, 106, 2) x, y as shares of the crop's side",
    paper="none",
)

SMALL_HIGHLIGHTS = WeightCard(
    name="highlights_learned",
    task="highlights of a face, and the face without them",
    file="highlights.pt",
    sha256="5ba800e896613a7e76d413676c0a33c8477d6069463f0bfd343939d874d31929",
    size_mb=3.78,
    licence="CC0-1.0; trained on rendered faces alone, of a CC0 head model",
    source="lib/highlights/data of this project; PROVENANCE.md beside it tells its training",
    obtain="git checkout lib/highlights/data; or snakemake --cores all train_highlights",
    input="(n, 3, h, w) RGB, sRGB encoded, 0..1, under a grey light, about 0.9 px per mm",
    output="(n, 3, h, w) without highlights; (n, 1, h, w) probability",
    paper="Wu et al. 2023, Computational Visual Media 9",
)

DPMAP_SINGLE = WeightCard(
    name="dpmap_single_net_G",
    task="displacement map of one expression from a texture in FaceScape's chart",
    file="dpmap_single_net_G.pth",
    sha256="",
    size_mb=730.0,
    licence="FaceScape: non-commercial research only, by agreement with its authors",
    source="Detailed3DFace (FaceScape, CVPR 2020), checkpoints",
    obtain="ask for FaceScape's licence, download the checkpoints, set displacement.weights",
    input="(n, 3, 1024, 1024) RGB, sRGB encoded, -1..1, the face's part of FaceScape's chart",
    output="(n, 1, 1024, 1024) -1..1, times 0.914 = mm at FaceScape's scale, outwards positive",
    paper="Yang et al. 2020, CVPR",
)

CARDS = {
    card.name: card
    for card in (
        *(BLAZEFACE, FACE_MESH, IRIS, DLIB_68, *MTCNN),
        *(RETINAFACE, POINTS_106, DPMAP_SINGLE, SMALL_HIGHLIGHTS),
    )
}


def verify_weights(card: WeightCard, folder: str | Path) -> Path:
    """Path of the card's file in `folder`, its hash checked.

    Raises:
        MissingModelError: the file is not there, or it is another file.
    """
    path = Path(folder) / card.file
    if not path.is_file():
        raise MissingModelError(
            f"{path} is not there; it is the network '{card.name}' ({card.task}).\n"
            f"    Source: {card.source}; licence: {card.licence}.\n"
            f"    Get it: {card.obtain}"
        )
    if card.sha256 and (found := file_sha256(path)) != card.sha256:
        raise MissingModelError(
            f"{path} has sha256 {found[:16]}..., expected {card.sha256[:16]}... of '{card.name}'.\n"
            f"    Delete it and get it again: {card.obtain}"
        )
    return path


def file_sha256(path: str | Path) -> str:
    """sha256 of a file, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
