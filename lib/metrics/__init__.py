"""How far results are from the truth: shape, landmarks, parts, skin, highlights, and sigma."""

from lib.metrics.albedo import (
    SKIN_CLASSES,
    AlbedoScore,
    FairnessScore,
    score_albedo,
    score_fairness,
    skin_class,
)
from lib.metrics.align import (
    IDENTITY,
    MissingLandmarks,
    Similarity,
    similarity_of_points,
    similarity_to_scan,
)
from lib.metrics.cylinder import (
    PUPIL_DISTANCE_MM,
    CylinderMap,
    CylinderScore,
    cylinder_map,
    depth_shift,
    head_map,
    score_cylinder,
)
from lib.metrics.distances import (
    THRESHOLDS_MM,
    CumulativeCurve,
    DistanceStatistics,
    NothingToScore,
    completeness,
    cumulative_curve,
)
from lib.metrics.full_head import HeadScore, score_head
from lib.metrics.heat import VertexErrors, vertex_errors
from lib.metrics.highlights import MaskScore, RemovalScore, score_mask, score_removal
from lib.metrics.images import ImageScore, score_image
from lib.metrics.landmarks import (
    NOW_POINTS,
    LandmarkScore,
    face_size,
    normalised_mean_error,
    score_landmarks,
)
from lib.metrics.mesh import (
    DetailScore,
    MeshScore,
    MeshScoreOptions,
    NormalScore,
    align,
    score_surface,
)
from lib.metrics.now import (
    FaceDisc,
    NowScore,
    NowSummary,
    face_disc,
    score_now,
    summarise_now,
)
from lib.metrics.parts import PartScore, part_score, score_parts
from lib.metrics.regions import (
    REGIONS,
    RegionScore,
    RegionScores,
    model_regions,
    score_regions,
)
from lib.metrics.scan import Scan, ScanScore, sample_scan, score_mesh
from lib.metrics.sigma import LEVELS, Calibration, calibration, coverage, scan_coverage
from lib.metrics.surface import Mesh, Region, Surface, SurfaceSample, sample_surface

__all__ = [
    "IDENTITY",
    "LEVELS",
    "NOW_POINTS",
    "PUPIL_DISTANCE_MM",
    "REGIONS",
    "SKIN_CLASSES",
    "THRESHOLDS_MM",
    "AlbedoScore",
    "Calibration",
    "CumulativeCurve",
    "CylinderMap",
    "CylinderScore",
    "DetailScore",
    "DistanceStatistics",
    "FaceDisc",
    "FairnessScore",
    "HeadScore",
    "ImageScore",
    "LandmarkScore",
    "MaskScore",
    "Mesh",
    "MeshScore",
    "MeshScoreOptions",
    "MissingLandmarks",
    "NormalScore",
    "NothingToScore",
    "NowScore",
    "NowSummary",
    "PartScore",
    "Region",
    "RegionScore",
    "RegionScores",
    "RemovalScore",
    "Scan",
    "ScanScore",
    "Similarity",
    "Surface",
    "SurfaceSample",
    "VertexErrors",
    "align",
    "calibration",
    "completeness",
    "coverage",
    "cumulative_curve",
    "cylinder_map",
    "depth_shift",
    "face_disc",
    "face_size",
    "head_map",
    "model_regions",
    "normalised_mean_error",
    "part_score",
    "sample_scan",
    "sample_surface",
    "scan_coverage",
    "score_albedo",
    "score_cylinder",
    "score_fairness",
    "score_head",
    "score_image",
    "score_landmarks",
    "score_mask",
    "score_mesh",
    "score_now",
    "score_parts",
    "score_regions",
    "score_removal",
    "score_surface",
    "similarity_of_points",
    "similarity_to_scan",
    "skin_class",
    "summarise_now",
    "vertex_errors",
]
