"""BFM 2009 of Deep3DFaceRecon and 3DDFA_V3 as a head model of the same vertices and coefficients.

With d the published shape in decimetres, recentred as its readers do, and v ours for the same
coefficients,

    d = (v - mean over vertices of our mean) / 100

to the rounding of float32, if that mean over vertices is taken in float64.
"""

from __future__ import annotations

import logging

import numpy as np

from lib.errors import ConfigError
from lib.facemodel.assemble import (
    HeadSource,
    SourceAlbedo,
    assemble_head,
    between_lids,
    vertex_points,
)
from lib.facemodel.bfm.source import BfmSource
from lib.facemodel.landmark_rules import ibug68_sigma
from lib.facemodel.model import FaceModel, SurfacePoints

logger = logging.getLogger(__name__)

MM_PER_DM = 100.0
LICENCE = "Basel Face Model licence: academic research, no redistribution"
DENSE_SIGMA = 2.0  # mm


def bfm_model(source: BfmSource, name: str) -> FaceModel:
    """The head model: published vertices, triangles and coefficients in their order, in mm.

    No vertices are added: the eyes are part of the surface. Colours are the published ones, 0..1,
    encoded. What the source does not have (parts, chart, contour) is made by rule.

    Raises:
        ConfigError: the files do not give a face.
    """
    if len(source.mean) not in source.n_published:
        logger.warning(
            "%s has %d vertices, not the %s of the published crop: published networks do not fit",
            source.edition, len(source.mean), " or ".join(map(str, source.n_published)),
        )  # fmt: skip
    mean = MM_PER_DM * source.mean.astype(np.float64)
    marks = mean[source.landmarks["ibug68"]]
    region = between_lids(mean, source.triangles, marks)
    if not {1, 2} <= set(region.tolist()):
        raise ConfigError(
            f"{source.edition} has no triangles between its lids, expected the eyes to be part of "
            "its surface. Get all files from one release."
        )
    schemes = {
        scheme: _vertices(source, vertices, scheme) for scheme, vertices in source.landmarks.items()
    }
    return assemble_head(
        HeadSource(
            name=name,
            mean=mean,
            identity=MM_PER_DM * source.identity,
            expression=MM_PER_DM * source.expression,
            expression_names=tuple(f"expression{k:02d}" for k in range(len(source.expression))),
            not_free=(),
            triangles=source.triangles,
            uv=source.uv,
            uv_triangles=None if source.uv is None else source.triangles,
            ibug68=schemes.pop("ibug68"),
            mirror=None,
            face=None,
            licence=LICENCE,
            origin=f"Basel Face Model 2009 with expressions of Guo et al., {source.edition}",
            region=region,
            albedo=SourceAlbedo(source.albedo_mean / 255, source.albedo / 255, "srgb"),
            expression_prior="normal",
            landmarks=schemes,
            parts={k: np.unique(v).astype(np.int32) for k, v in source.parts.items()},
            contour33=tuple(line.astype(np.int32) for line in source.contour33),
        )
    )


def _vertices(source: BfmSource, vertices: np.ndarray, scheme: str) -> SurfacePoints:
    every = np.ones(len(source.triangles), bool)
    sigma = ibug68_sigma() if scheme == "ibug68" else np.full(len(vertices), DENSE_SIGMA)
    return vertex_points(vertices, source.triangles, every, sigma)
