"""Settings of the fit, with their defaults; `config.yaml` documents each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class FitOptions:
    """How a face model is fitted to photos.

    Args:
        method: `optimise` needs nothing but landmarks and pixels; the others begin with the codes
            of a network (section `regression`).
        refine: the optimiser goes on from a network's codes; False = they are the fit.
        landmark_weight: share of the landmarks' nominal information that counts: neighbouring
            points of one detector err together, so 468 of them are worth far fewer.
        depth_weight: the same for the relative depth that a network gives with its points.
        photometric_weight: the same for the colour of skin pixels; 0 fits landmarks only.
        parts_weight: weight of the parts of the face that `parsing` tells; 0 = it is not asked.
        photometric_iterations: Levenberg-Marquardt steps with pixels.
        landmark_iterations: Gauss-Newton steps with landmarks alone.
        identity_sigma: standard deviation of identity coefficients; 1 = as the model says.
        expression_sigma: width of the expression prior on weights 0..1; models whose expressions
            are N(0, 1) by themselves keep that.
        distance_mm: most likely distance of camera and face when the focal length is unknown.
        distance_log_sigma: its standard deviation in log.
        focal_log_sigma: standard deviation of log focal length when EXIF or a camera gives it.
        samples: number of surface points whose colour is compared.
        crop_px: side of the square that the face is resampled to.
        share_identity: photos of one subject share identity and albedo.
    """

    method: Literal["optimise", "deep3d", "3ddfa_v3", "detail_layer", "learned"] = "optimise"
    refine: bool = False
    landmark_weight: float = 0.3
    depth_weight: float = 0.1
    photometric_weight: float = 0.03
    parts_weight: float = 0.0
    photometric_iterations: int = 12
    landmark_iterations: int = 14
    identity_sigma: float = 1.0
    expression_sigma: float = 0.25
    distance_mm: float = 900.0
    distance_log_sigma: float = 0.5
    focal_log_sigma: float = 0.05
    samples: int = 2500
    crop_px: int = 192
    share_identity: bool = True
