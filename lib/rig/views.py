"""Which views of a capture take part, and a sentence for each that does not."""

from __future__ import annotations

import cv2
import numpy as np

from lib.errors import CaptureFailure, ConfigError
from lib.rig.cameras import Cameras
from lib.rig.triangulate import CUT, Triangulation, triangulate

GROSS = 0.08  # of the face's extent: a view that misses by more shows another face or camera
SUSPECTS = 3  # views that are tried to be left out, worst first
LEAST_INSIDE = 0.1  # share of the head's points that a useful picture holds
LEAST_CONTRAST = 2.0  # grey levels that differ over the head in a picture that shows something
JUDGED_PX = 64  # side of the reduced picture: noise averages out, a face does not


def wanted_views(names: tuple[str, ...], views: str) -> np.ndarray:
    """(n_views,) bool: the views that `rig.views` names; all with `auto`.

    Raises:
        ConfigError: none of the capture's views is named.
    """
    if views == "auto":
        return np.ones(len(names), bool)
    wanted = np.isin(names, views.split())
    if not wanted.any():
        raise ConfigError(
            f"rig.views is '{views}', but the capture has the views {', '.join(names)}. Name some "
            "of them, separated by spaces, or say auto."
        )
    return wanted


def agreeing_views(
    cameras: Cameras, points_px: np.ndarray, sigma_px: np.ndarray
) -> tuple[Triangulation, dict[int, str]]:
    """Triangulated points, and the views left out because they contradict the others.

    Args:
        cameras: of n_views views.
        points_px: (n_views, p, 2) measured points, NaN = none.
        sigma_px: (n_views, p).

    Raises:
        CaptureFailure: `views_disagree`: there are only two views, and they do not fit together.
    """
    out: dict[int, str] = {}
    found = triangulate(cameras, points_px, sigma_px)
    while True:
        standing = cameras.known & np.isfinite(points_px).all(2).any(1)
        error, share = _disagreement(found, points_px, standing)
        gross = (error > CUT) & (share > GROSS)
        if standing.sum() < 2 or not gross.any():
            return found, out
        if standing.sum() == 2:
            raise CaptureFailure(
                "views_disagree",
                "the landmarks of the two views that are left do not meet in space. Check the "
                "cameras, and that both pictures show the same face at the same moment.",
            )
        worst = np.argsort(-np.where(gross, error, 0), kind="stable")[: min(SUSPECTS, gross.sum())]
        trials = [_without(cameras, view, points_px, sigma_px) for view in worst]
        costs = [_cost(trial, points_px, standing, view) for view, trial in zip(worst, trials)]
        view = int(worst[int(np.argmin(costs))])
        found, cameras = trials[int(np.argmin(costs))], cameras.only(_all_but(len(cameras), view))
        out[view] = (
            f"its landmarks miss those of the other views by {_percent(share[view])} of the face: "
            "a wrong camera, another face or another moment."
        )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if np.isfinite(share) else "far more than 100 %"


def _disagreement(
    found: Triangulation, points_px: np.ndarray, standing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Per view the median error in sigma, and as a share of the face's extent; 0 = nothing seen."""
    measured = np.isfinite(points_px).all(2) & standing[:, None]
    compared = measured & (measured.sum(0) > 1)
    error, share = np.zeros(len(points_px)), np.zeros(len(points_px))
    for view in np.flatnonzero(compared.any(1)):
        points = compared[view]
        extent = np.ptp(points_px[view, points], axis=0).max()
        error[view] = np.median(np.nan_to_num(found.normalised[view, points], nan=np.inf))
        miss = np.median(np.nan_to_num(found.error_px[view, points], nan=np.inf))
        share[view] = miss / max(extent, 1.0)
    return error, share


def _without(
    cameras: Cameras, view: int, points_px: np.ndarray, sigma_px: np.ndarray
) -> Triangulation:
    return triangulate(cameras.only(_all_but(len(cameras), view)), points_px, sigma_px)


def _all_but(n_views: int, view: int) -> np.ndarray:
    return np.arange(n_views) != view


def _cost(found: Triangulation, points_px: np.ndarray, standing: np.ndarray, view: int) -> float:
    left = standing & _all_but(len(standing), view)
    error, _ = _disagreement(found, points_px, left)
    return float(np.minimum(error[left], 10 * CUT).mean())


def why_unseen(cameras: Cameras, view: int, points: np.ndarray, image: np.ndarray) -> str:
    """Why a picture does not show the head; empty when it does.

    Args:
        cameras: of all views.
        view: index of the view.
        points: (p, 3) points of the head in the world, finite.
        image: (h, w, 3) uint8 working image.
    """
    seen = cameras.project(points)[view]
    ahead = np.isfinite(seen).all(1)
    if ahead.mean() < 0.5:
        return "the head lies behind its camera."
    height, width = image.shape[:2]
    inside = ahead & (seen > -0.5).all(1) & (seen < (width - 0.5, height - 0.5)).all(1)
    if inside.mean() < LEAST_INSIDE:
        return "the head lies outside its picture."
    low = np.floor(seen[inside].min(0)).astype(int).clip(0)
    high = np.ceil(seen[inside].max(0)).astype(int) + 1
    if _contrast(image[low[1] : high[1], low[0] : high[0]]) < LEAST_CONTRAST:
        return "its picture shows nothing where the head should be (black or blank)."
    return ""


def _contrast(pixels: np.ndarray) -> float:
    """Standard deviation of luminance, in grey levels, after averaging over noise."""
    grey = pixels.astype(np.float32).mean(2)
    size = tuple(min(JUDGED_PX, side) for side in grey.shape[::-1])
    return float(cv2.resize(grey, size, interpolation=cv2.INTER_AREA).std())
