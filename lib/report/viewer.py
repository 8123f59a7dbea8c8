"""What the page's 3D view needs: three.js, the topology once, and a small pack per head.

All heads of a report share one model, so that triangles, chart and expressions are stored once,
and a head is its quantised neutral vertices, its sigma and a small texture.
"""

from __future__ import annotations

import base64
import gzip
import json
import zipfile
from importlib.resources import files
from typing import Any

import cv2
import numpy as np

from lib.artefacts import Albedo, FaceFit, Texture
from lib.errors import ConfigError
from lib.facemodel.model import FaceModel
from lib.imaging import encode_jpeg
from lib.imaging.colour import linear_to_srgb8

STEPS_PER_MM = 100  # positions are whole hundredths of a millimetre
SIGMA_STEPS_PER_MM = 25
TEXTURE_QUALITY = 85

THREE_START = "/**\n * @license\n"
THREE_END = 'Object.defineProperty(t,"__esModule",{value:!0})}));'


def three_js() -> str:
    """The source of three.js (MIT licence, its notice included), from trimesh's viewer page.

    Raises:
        ConfigError: the installed trimesh carries another page.
    """
    archive = files("trimesh") / "resources" / "templates" / "viewer.zip"
    with archive.open("rb") as stream, zipfile.ZipFile(stream) as opened:
        page = opened.read("viewer.html.template").decode()
    start, end = page.find(THREE_START), page.find(THREE_END)
    if start < 0 or end < start:
        raise ConfigError(
            "three.js was not found in trimesh's viewer page, where release 4 carries it. "
            "Install the version that requirements.lock names."
        )
    return page[start : end + len(THREE_END)]


def model_pack(model: FaceModel, smallest_delta_mm: float) -> str:
    """Triangles, chart and expressions of the model, as base64 text for the page.

    Args:
        model: the head model.
        smallest_delta_mm: shorter moves are left out.
    """
    shiny = np.isin(
        model.triangle_region,
        [i for i, name in enumerate(model.region_names) if "eye" in name or "teeth" in name],
    )
    order = np.argsort(shiny, kind="stable")
    corner = model.triangles[order].astype(np.int64) * len(model.uv) + model.uv_triangles[order]
    split, index = np.unique(corner, return_inverse=True)
    vertex, uv = np.divmod(split, len(model.uv))
    delta = np.rint(model.expression_basis * STEPS_PER_MM).astype(np.int16)
    moved = (np.abs(model.expression_basis) > smallest_delta_mm).any(axis=2)
    facts = {
        "names": list(model.expression_names),
        "range": [-3, 3] if model.expression_prior == "normal" else [0, 1],
        "matt": int(3 * (~shiny).sum()),
        "vertices": model.n_vertices,
    }
    return _pack(
        facts,
        index=index.ravel().astype(np.uint32),
        vertex=vertex.astype(np.uint32),
        uv=np.rint(np.clip(model.uv[uv], 0, 1) * 65535).astype(np.uint16),
        moved_count=moved.sum(axis=1).astype(np.uint32),
        moved_vertex=np.nonzero(moved)[1].astype(np.uint32),
        moved_delta=delta[moved],
    )


def head_pack(fit: FaceFit, texture: Texture, texture_px: int, albedo: Albedo | None = None) -> str:
    """Neutral vertices, sigma, fitted expression and small textures, as base64 text.

    Args:
        fit: the fitted face.
        texture: the head's colour, with the light of its photo.
        texture_px: side of the textures in the page.
        albedo: the colour without it; None = not known, then no light can be moved.
    """
    limit = np.iinfo(np.int16).max
    position = np.clip(np.rint(fit.vertices * STEPS_PER_MM), -limit, limit)
    steps = np.nan_to_num(fit.vertex_sigma_mm * SIGMA_STEPS_PER_MM, nan=255)  # unknown: unsure
    sigma = np.clip(np.rint(steps), 0, 255)
    pictures = {"texture": _jpeg(texture.rgb, texture_px)}
    facts = {}
    if albedo is not None and albedo.method != "none":
        pictures["albedo"] = _jpeg(albedo.rgb, texture_px)
        facts["roughness"] = round(float(np.median(albedo.roughness.astype(np.float32))), 3)
    return _pack(
        facts,
        position=position.astype(np.int16),
        sigma=sigma.astype(np.uint8),
        expression=fit.expression[0].astype(np.float32),
        **pictures,
    )


def _jpeg(linear: np.ndarray, side: int) -> np.ndarray:
    """Bytes of a JPEG of a linear picture (h, w, 3), reduced to `side` px."""
    rgb = linear.astype(np.float32)
    if max(rgb.shape) > side:
        rgb = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA)
    return np.frombuffer(encode_jpeg(linear_to_srgb8(rgb), TEXTURE_QUALITY), np.uint8)


def _pack(facts: dict[str, Any], **arrays: np.ndarray) -> str:
    """base64 of gzip of: length of the header, JSON header, arrays aligned to four bytes."""
    entries, body = {}, bytearray()
    for name, values in arrays.items():
        body += b"\0" * (-len(body) % 4)
        entries[name] = {"type": values.dtype.name, "offset": len(body), "length": values.size}
        body += np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
    header = json.dumps({"facts": facts, "arrays": entries}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 4)
    data = len(header).to_bytes(4, "little") + header + bytes(body)
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()
