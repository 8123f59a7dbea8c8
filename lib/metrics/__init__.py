"""How far a reconstruction is from the truth: shape, landmarks, and whether sigma tells it."""

from lib.metrics.align import Similarity, similarity_of_points, similarity_to_scan
from lib.metrics.landmarks import NOW_POINTS, normalised_mean_error
from lib.metrics.scan import Scan, ScanScore, sample_scan, score_mesh
from lib.metrics.sigma import LEVELS, coverage, scan_coverage
from lib.metrics.surface import Surface

__all__ = [
    "LEVELS",
    "NOW_POINTS",
    "Scan",
    "ScanScore",
    "Similarity",
    "Surface",
    "coverage",
    "normalised_mean_error",
    "sample_scan",
    "scan_coverage",
    "score_mesh",
    "similarity_of_points",
    "similarity_to_scan",
]
