"""FLAME as a head model: shape and expressions as published, the jaw's turn made linear.

FLAME opens the mouth by turning a joint, which is not linear in the angle. Here two modes stand for
it: `jawOpen` is what the mean person's skin does at 0.2 rad, and `jawTurn` at 0.1 rad to the left,
each halved for one sigma. `loss_in_words` measures on random people what that leaves out; a
conversion reports it. Neck and eyes stay as they are.
"""

from __future__ import annotations

import logging

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from lib.errors import ConfigError
from lib.facemodel.assemble import HeadSource, assemble_head
from lib.facemodel.flame.source import JAW, FlameSource
from lib.facemodel.model import FaceModel

logger = logging.getLogger(__name__)

MM_PER_M = 1000.0
N_IDENTITY, N_EXPRESSION = 100, 50  # of 300 and 100: what published regressors give
JAW_MODES = (("jawOpen", (0.2, 0.0, 0.0)), ("jawTurn", (0.0, 0.1, 0.0)))  # rad at 2 sigma
WIDEST_RAD = 0.35
N_DRAWS, SEED = 24, 11
LICENCE = "FLAME licence: see flame.is.tue.mpg.de for that of your file"


def flame_model(source: FlameSource) -> FaceModel:
    """The head model of FLAME's neutral pose; eyeballs are its own.

    Skin colours are this project's. `source` of the result says what the linear jaw loses.

    Raises:
        ConfigError: the mesh has no two eyeballs, or the files do not give a face.
    """
    jaw = [(with_jaw(source, source.mean, turn) - source.mean) / 2 for _, turn in JAW_MODES]
    loss = loss_in_words(source)
    logger.info("%s: %s", source.edition, loss)
    expression = np.concatenate([source.expression[:N_EXPRESSION], jaw])
    names = [f"expression{k:02d}" for k in range(len(expression) - len(jaw))]
    return assemble_head(
        HeadSource(
            name="flame",
            mean=MM_PER_M * source.mean,
            identity=MM_PER_M * source.shape[:N_IDENTITY],
            expression=MM_PER_M * expression,
            expression_names=(*names, *(name for name, _ in JAW_MODES)),
            not_free=(),
            triangles=source.triangles,
            uv=source.uv,
            uv_triangles=source.uv_triangles,
            ibug68=source.ibug68,
            mirror=None,
            face=None,
            licence=LICENCE,
            origin=f"FLAME, {source.edition}, https://flame.is.tue.mpg.de; {loss}",
            region=eyeball_region(source),
            expression_prior="normal",
        )
    )


def with_jaw(
    source: FlameSource, vertices: np.ndarray, turn: tuple[float, float, float] | np.ndarray
) -> np.ndarray:
    """Vertices (n, 3) with the jaw turned by a rotation vector in rad, as FLAME does it.

    Source: Li et al. 2017 (FLAME), eqs 1 to 5, with all joints but the jaw at rest.
    """
    rotation = _rotation(np.asarray(turn, float))
    joint = source.joint_regressor[JAW] @ vertices
    corrective = source.pose[:, :, 9 * (JAW - 1) : 9 * JAW] @ (rotation - np.eye(3)).ravel()
    shaped = vertices + corrective
    turned = (shaped - joint) @ rotation.T + joint
    return shaped + source.weights[:, JAW, None] * (turned - shaped)


def _rotation(vector: np.ndarray) -> np.ndarray:
    """Rodrigues' formula."""
    angle = float(np.linalg.norm(vector))
    if angle == 0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def loss_in_words(source: FlameSource) -> str:
    """How far the linear jaw is from FLAME's on random people, for logs and `source`."""
    rng = np.random.default_rng(SEED)
    opening = source.mean + 0.0
    linear = (with_jaw(source, source.mean, JAW_MODES[0][1]) - source.mean) / JAW_MODES[0][1][0]
    moves = np.linalg.norm(linear, axis=1) > 0.05 * np.linalg.norm(linear, axis=1).max()
    lost, moved = [], []
    for _ in range(N_DRAWS):
        sigma = rng.standard_normal(min(N_IDENTITY, len(source.shape)))
        person = opening + np.tensordot(sigma, source.shape[: len(sigma)], 1)
        angle = rng.uniform(0, WIDEST_RAD)
        true = with_jaw(source, person, np.array([angle, 0, 0])) - person
        lost.append(np.linalg.norm(true - angle * linear, axis=1)[moves])
        moved.append(np.linalg.norm(true, axis=1)[moves])
    lost, moved = MM_PER_M * np.concatenate(lost), MM_PER_M * np.concatenate(moved)
    return (
        f"linear jaw: random people who open it by 0 to {WIDEST_RAD} rad are off by "
        f"{np.sqrt((lost**2).mean()):.2f} mm rms ({np.quantile(lost, 0.95):.2f} mm at 95 %) where "
        f"that moves the skin by {np.sqrt((moved**2).mean()):.2f} mm rms"
    )


def eyeball_region(source: FlameSource) -> np.ndarray:
    """(t,) 1 and 2 for triangles of the right and left eyeball, else 0.

    Eyeballs are the pieces of the mesh about the lids.

    Raises:
        ConfigError: there is none about the lids of a side.
    """
    n = len(source.mean)
    edges = np.concatenate([source.triangles[:, :2], source.triangles[:, 1:]])
    graph = sp.coo_matrix((np.ones(len(edges)), edges.T), shape=(n, n))
    _, piece = connected_components(graph, directed=False)
    skin = np.bincount(piece).argmax()
    marks = source.ibug68.on(source.mean, source.triangles)
    region = np.zeros(len(source.triangles), np.int64)
    of_triangle = piece[source.triangles[:, 0]]
    for side, lids in ((1, marks[36:42]), (2, marks[42:48])):
        middles = {
            int(label): source.mean[piece == label].mean(axis=0)
            for label in np.unique(piece)
            if label != skin
        }
        reach = 0.025  # m
        near = [k for k, at in middles.items() if np.linalg.norm(at - lids.mean(axis=0)) < reach]
        if not near:
            raise ConfigError(
                f"{source.edition} has no piece of mesh behind the lids of a side, expected "
                "FLAME's two eyeballs. Get the published file."
            )
        region[np.isin(of_triangle, near)] = side
    return region
