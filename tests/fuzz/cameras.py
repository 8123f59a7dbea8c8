"""Camera files of all programs."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lib.captures.cameras import find_camera
from tests.fuzz.reader import Reader, text

SIZE = (900, 1200)
MATRIX = [[2400.0, 0, 615.3], [0, 2400.0, 437.9], [0, 0, 1]]
TURN = np.eye(3).tolist()
PLACE = [1.0, 2.0, 700.0]
POSE = [[*row, shift] for row, shift in zip(TURN, PLACE)]
OWN = {
    "units": "cm",
    "cameras": [
        {"name": "a", "K": MATRIX, "R": TURN, "t": PLACE, "width": 1200, "height": 900}
        | {"dist_coeffs": [-0.12, 0.3, 0.0011, -0.0007, 0.05]},
        {"name": "b", "K": MATRIX, "R": TURN, "t": PLACE},
    ],
}
FACESCAPE = {
    "12_K": MATRIX, "12_Rt": POSE, "12_distortion": [0.1, 0, 0, 0, 0], "12_valid": True,
    "12_width": 1200, "12_height": 900,
}  # fmt: skip
NERSEMBLE = {"world_2_cam": {"12": [*POSE, [0, 0, 0, 1]]}, "intrinsics": MATRIX}
METASHAPE = f"""<?xml version="1.0" encoding="UTF-8"?>
<document version="2.0.0"><chunk label="Chunk 1"><sensors next_id="2">
<sensor id="1" label="lens" type="frame"><resolution width="1200" height="900"/>
<calibration type="frame" class="adjusted"><resolution width="1200" height="900"/>
<f>2400</f><cx>15.3</cx><cy>-12.1</cy><k1>-0.1</k1><k2>0.3</k2><k4>-0.4</k4><p1>0.001</p1>
</calibration></sensor></sensors><cameras><camera id="0" sensor_id="1" component_id="0" label="a">
<transform>{" ".join(map(str, np.eye(4).ravel()))}</transform></camera></cameras>
<transform><rotation>1 0 0 0 1 0 0 0 1</rotation><translation>0 1 2</translation><scale>0.3</scale>
</transform></chunk></document>"""
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
xmlns:xcr="http://www.capturingreality.com/ns/xcr/1.1#" xcr:DistortionModel="brown3t2"
xcr:FocalLength35mm="72" xcr:Skew="0" xcr:AspectRatio="1" xcr:PrincipalPointU="0.01"
xcr:PrincipalPointV="0.02" xcr:DistortionCoeficients="0.1 0 0 0 0 0">
<xcr:Rotation>1 0 0 0 1 0 0 0 1</xcr:Rotation><xcr:Position>1 2 3</xcr:Position>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
CSV = (
    "#cameras 2\n#name,x,y,alt,heading,pitch,roll,f,px,py,k1,k2,k3,k4,t1,t2\n"
    "a.jpg,1,2,3,10,20,30,72,0.01,0.02,-0.1,0,0,0,0,0\nb.jpg,1,2,3,1,2,3,72,0,0,0,0,0,0,0,0\n"
)
CAMERAS_TXT = "# lens\n7 OPENCV 1200 900 2400 2400 600 450 -0.1 0 0 0\n"
IMAGES_TXT = "# pose\n5 1 0 0 0 1 2 3 7 a.jpg\n10 10 -1\n6 1 0 0 0 1 2 3 7 b.jpg\n\n"
CAMERAS_BIN = struct.pack("<Q", 1) + struct.pack("<iiQQ8d", 7, 4, 1200, 900, *[2400.0] * 2, 600.0,
                                                 450.0, -0.1, 0, 0, 0)  # fmt: skip
IMAGES_BIN = struct.pack("<Q", 2) + b"".join(
    struct.pack("<i7di", 5, 1, 0, 0, 0, 1, 2, 3, 7)
    + name
    + b"\0"
    + struct.pack("<Q", 1)
    + bytes(24)
    for name in (b"a.jpg", b"b.jpg")
)


def cameras(file: str, content: str, image: str = "a.jpg") -> Reader:
    return Reader(file, text(content), lambda folder: find_camera(folder / file, image, SIZE))


def colmap(damaged: str, kind: str) -> Reader:
    return Reader(
        f"{damaged}.{kind}", _model(damaged, kind), lambda f: find_camera(f, "a.jpg", SIZE)
    )


def _model(damaged: str, kind: str) -> Callable[[Path], bytes]:
    contents = {
        "bin": {"cameras": CAMERAS_BIN, "images": IMAGES_BIN},
        "txt": {"cameras": CAMERAS_TXT.encode(), "images": IMAGES_TXT.encode()},
    }[kind]

    def write(folder: Path) -> bytes:
        for name, content in contents.items():
            (folder / f"{name}.{kind}").write_bytes(content)
        return contents[damaged]

    return write


READERS = {
    "cameras json": cameras("cameras.json", json.dumps(OWN)),
    "cameras of facescape": cameras("params.json", json.dumps(FACESCAPE), "12.jpg"),
    "cameras of nersemble": cameras("camera_params.json", json.dumps(NERSEMBLE), "12.jpg"),
    "cameras of metashape": cameras("c.xml", METASHAPE),
    "cameras of realitycapture, csv": cameras("c.csv", CSV),
    "cameras of realitycapture, xmp": cameras("a.xmp", XMP),
    "cameras of colmap, text": colmap("cameras", "txt"),
    "images of colmap, text": colmap("images", "txt"),
    "cameras of colmap, binary": colmap("cameras", "bin"),
    "images of colmap, binary": colmap("images", "bin"),
}
