"""What a job takes: minutes, which a cluster's scheduler wants to know before, and threads.

Too few minutes have a job killed, too many make it wait, so that they grow at every try.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

START_S = 60.0  # Python, networks and compiled functions, on a slow file system
SPARE = 6.0  # times slower than what was measured may a node be
# Seconds of work per image on two cores without a GPU, as `python -m tests.benchmarks.throughput`
# measures them for photos and `python -m tests.benchmarks.stages` for captures of many views.
SECONDS: Mapping[str, float] = {
    "plan_batch": 0.01,
    "import_capture": 0.5,
    "detect_faces": 0.2,
    "find_landmarks": 0.5,
    "mask_skin": 0.5,
    "parse_parts": 1.0,
    "calibrate_rig": 2.0,
    "regress_coefficients": 1.0,
    "fit_face_model": 3.0,
    "segment_parts": 1.0,
    "fit_base_mesh": 8.0,
    "match_views": 15.0,
    "regularise_surface": 15.0,
    "shade_photos": 3.0,
    "remove_highlights": 3.0,
    "blend_texture": 4.0,
    "recover_albedo": 5.0,
    "relocate_textures": 1.0,
    "predict_displacement": 10.0,
    "export_heads": 8.0,
    "evaluate_heads": 10.0,
}


def job_minutes(rule: str, images: int, attempt: int = 1) -> int:
    """Minutes that a job of a rule may take.

    Args:
        rule: one that works on batches.
        images: in the batch.
        attempt: 1 at first, one more at every try.

    Raises:
        KeyError: nobody has measured the rule.
    """
    return attempt * math.ceil((START_S + SPARE * SECONDS[rule] * images) / 60)


def job_threads(batches: int, cores: int | None) -> int:
    """Threads of a job that can use two.

    Two threads end one job sooner, one thread each ends many jobs sooner. And where cores become
    free one at a time, a job that asks for two waits until no job is left that asks for one.

    Args:
        batches: of the run.
        cores: that its jobs share; None where each gets its own, as on a cluster.
    """
    return 1 if cores and batches >= cores else 2
