"""Who a random person is: the covariance of heads that MakeHuman's targets span, and its modes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.facemodel.makehuman.source import HeadMesh, Targets

CATEGORY_SIGMA = {
    "cheek": 0.30,
    "chin": 0.30,
    "ears": 0.30,
    "eyebrows": 0.30,
    "eyes": 0.28,
    "forehead": 0.25,
    "head": 0.25,
    "mouth": 0.28,
    "neck": 0.15,
    "nose": 0.28,
}
ASYMMETRY = 0.2  # sigma of a left-right difference over that of the sum
HEAD_SHAPE_SIGMA = 0.12
ASYMMETRY_TARGET_SIGMA = 0.25
MACRO_DRAWS = 20_000
MACRO_SEED = 1
MACRO_FACTORS = 40
RIGID_SLIDERS = ("head-trans", "neck-trans")  # they move the head in the body, not its shape


@dataclass(frozen=True)
class Attributes:
    """What the macro targets mix, each (n_people,); races (n_people, 3) sum to 1."""

    age: np.ndarray
    gender: np.ndarray
    muscle: np.ndarray
    weight: np.ndarray
    height: np.ndarray
    proportions: np.ndarray
    race: np.ndarray


def average_adult() -> Attributes:
    """One person in the middle of every range, in young middle age."""
    half = np.array([0.5])
    return Attributes(np.array([0.72]), half, half, half, half, half, np.full((1, 3), 1 / 3))


def random_adults(n_people: int, rng: np.random.Generator) -> Attributes:
    """People of both sexes, adult age and mixed origin.

    MakeHuman's height also scales the head: its sigma stays small.
    """
    young = rng.random(n_people) < 0.5
    age = np.where(young, rng.uniform(0.60, 0.75, n_people), rng.uniform(0.66, 0.95, n_people))

    def bounded(sigma: float) -> np.ndarray:
        return np.clip(rng.normal(0.5, sigma, n_people), 0, 1)

    return Attributes(
        age=age,
        gender=rng.beta(0.5, 0.5, n_people),
        muscle=bounded(0.2),
        weight=bounded(0.22),
        height=bounded(0.07),
        proportions=bounded(0.2),
        race=rng.dirichlet([0.6] * 3, n_people),
    )


def macro_weights(people: Attributes, labels: tuple[tuple[str, ...], ...]) -> np.ndarray:
    """(n_people, n_macro): products of piecewise linear weights of the attributes in each label."""
    level = {
        "male": 1 - people.gender,
        "female": people.gender,
        "minheight": np.clip(1 - 2 * people.height, 0, 1),
        "maxheight": np.clip(2 * people.height - 1, 0, 1),
        "idealproportions": np.clip(1 - 2 * people.proportions, 0, 1),
        "uncommonproportions": np.clip(2 * people.proportions - 1, 0, 1),
    }
    level |= _hats(people.age, (1 / 3, 2 / 3, 1.0), ("child", "young", "old"))
    level |= _hats(people.muscle, (0.0, 0.5, 1.0), ("minmuscle", "averagemuscle", "maxmuscle"))
    level |= _hats(people.weight, (0.0, 0.5, 1.0), ("minweight", "averageweight", "maxweight"))
    level |= dict(zip(("african", "asian", "caucasian"), people.race.T))
    return np.stack([np.prod([level[word] for word in label], axis=0) for label in labels], axis=1)


def _hats(
    value: np.ndarray, anchors: tuple[float, ...], names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    rows = np.eye(len(anchors))
    return {name: np.interp(value, anchors, row) for name, row in zip(names, rows)}


@dataclass(frozen=True)
class Family:
    """One independent source of variation: covariance = sum of outer products of its factors.

    Args:
        name: `macro`, or the slider.
        factors: (k, n, 3) mm per sigma.
        adjustable: whether calibration may scale it.
    """

    name: str
    factors: np.ndarray
    adjustable: bool = True


def families(mesh: HeadMesh, targets: Targets) -> list[Family]:
    """Every source of variation at its starting sigma."""
    rng = np.random.default_rng(MACRO_SEED)
    weights = macro_weights(random_adults(MACRO_DRAWS, rng), targets.macro_labels)
    values, vectors = np.linalg.eigh(np.cov(weights.T))
    strongest = np.argsort(-values)[:MACRO_FACTORS]
    roots = vectors[:, strongest] * np.sqrt(np.maximum(values[strongest], 0))
    result = [Family("macro", np.tensordot(roots.T, targets.macro, 1), adjustable=False)]
    result += _slider_families(targets)
    for name, shape in zip(("diamond", "triangle_down", "oval", "rectangle", "round", "square",
                            "triangle"), targets.heads):  # fmt: skip
        result.append(Family(f"head-{name}", HEAD_SHAPE_SIGMA * shape[None]))
    for index, (left, right) in enumerate(targets.asymmetry):
        half = ASYMMETRY_TARGET_SIGMA * (right - left) / 2
        result.append(Family(f"asymmetry-{index:02d}", half[None]))
    return result


def _slider_families(targets: Targets) -> list[Family]:
    slope = (targets.pairs[:, 1] - targets.pairs[:, 0]) / 2
    index_of = {label[2]: index for index, label in enumerate(targets.pair_labels)}
    result = []
    for index, (category, side, name) in enumerate(targets.pair_labels):
        if name.startswith(RIGID_SLIDERS) or side == "right":
            continue
        sigma = CATEGORY_SIGMA[category]
        if side == "left":
            other = slope[index_of["r" + name[1:]]]
            factors = np.stack([slope[index] + other, ASYMMETRY * (slope[index] - other)])
        else:
            sideways = name.endswith(("trans-out", "trans-in"))
            factors = slope[index][None] * (ASYMMETRY if sideways else 1.0)
        result.append(Family(name, sigma * factors))
    return result


def without_rigid_motion(
    factors: np.ndarray, points: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Remove the small translation and rotation that aligns each factor best.

    Args:
        factors: (k, n, 3) mm.
        points: (n, 3) mm, where they act.
        weights: (n,) of the alignment.
    """
    centred = points - np.average(points, axis=0, weights=weights)
    motions = [np.broadcast_to(np.eye(3)[axis], points.shape) for axis in range(3)]
    motions += [np.cross(np.eye(3)[axis], centred) for axis in range(3)]
    basis = np.stack(motions).reshape(6, -1)
    weighted = basis * np.repeat(weights, 3)
    flat = factors.reshape(len(factors), -1)
    amount = np.linalg.solve(weighted @ basis.T, weighted @ flat.T)
    return (flat - amount.T @ basis).reshape(factors.shape)


def principal_modes(
    factors: np.ndarray, mirror: np.ndarray, weights: np.ndarray, n_modes: int
) -> tuple[np.ndarray, float]:
    """Modes of the covariance, each purely symmetric or antisymmetric, by decreasing size.

    Args:
        factors: (k, n, 3) mm; covariance = sum of outer products, made mirror-symmetric.
        mirror: (n,) vertex on the other side.
        weights: (n,) of the metric.
        n_modes: how many to keep.

    Returns:
        modes: (n_modes, n, 3) mm per sigma; the largest entry of each is positive.
        kept: share of the weighted variance.
    """
    flipped = factors[:, mirror] * np.array([-1.0, 1.0, 1.0])
    modes, sizes, total = [], [], 0.0
    for part in ((factors + flipped) / 2, (factors - flipped) / 2):
        flat = (part * np.sqrt(weights)[:, None]).reshape(len(part), -1)
        values, vectors = np.linalg.eigh(flat @ flat.T)
        total += values.sum()
        keep = np.argsort(-values)[:n_modes]
        modes.append(np.tensordot(vectors[:, keep].T, part, 1))
        sizes.append(values[keep])
    modes, sizes = np.concatenate(modes), np.concatenate(sizes)
    order = np.argsort(-sizes, kind="stable")[:n_modes]
    return _fix_signs(modes[order]), float(sizes[order].sum() / total)


def _fix_signs(modes: np.ndarray) -> np.ndarray:
    """Positive where the largest entry is; ties between mirrored entries go to the first."""
    flat = modes.reshape(len(modes), -1)
    peak = np.abs(flat).max(axis=1, keepdims=True)
    first = (np.abs(flat) > peak * (1 - 1e-4)).argmax(axis=1)
    return modes * np.sign(flat[np.arange(len(flat)), first])[:, None, None]
