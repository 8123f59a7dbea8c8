"""How far one capture's head is from the truth, as a table of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lib.artefacts.base import Artefact, array, text


@dataclass(frozen=True)
class Scores(Artefact):
    """Scores of one capture that has a truth: one row per number, and errors for heat maps.

    A capture that failed on its way has no rows but is here, so that it counts. `who` is `fit` for
    the fitted head, `surface` for what many views measured, and `mean_face` and `average_person`
    for heads that know nothing of the photo, put in its place. `lib.evaluation.measures` says what
    each measure is. The grid of the measured surface is empty where nothing was measured.
    """

    version: ClassVar[int] = 3

    truth: str = text("what it was compared with, as in the ledger")
    dataset: str = text("what it may be averaged with, such as `synthetic makehuman` or `scans`")
    span: str = text("in_model: the fitted model can take the true shape exactly; or out_of_model")
    outcome: str = text("ok, or the word of the stage at which the capture failed")
    reason: str = text("why it failed; empty when ok")
    views: np.ndarray = array("", "i4", "count", "number of views; 0 = not known, as it failed")

    who: tuple[str, ...] = text("whose number: fit, surface, mean_face or average_person", "n_rows")
    measure: tuple[str, ...] = text("name of the number, such as `rigid.mean`", "n_rows")
    unit: tuple[str, ...] = text("mm, degrees, percent, ...", "n_rows")
    view: np.ndarray = array("n_rows", "i4", "index", "view it belongs to; -1 = the capture")
    value: np.ndarray = array("n_rows", "f8", "see unit", "the number")

    alignment: tuple[str, ...] = text("known, rigid, similarity: those that there are", "n_align")
    posed_mm: np.ndarray = array("n_vertices 3", "f4", "mm", "fitted head with its expression")
    vertex_error_mm: np.ndarray = array(
        "n_align n_vertices", "f4", "mm", "signed distance, positive = outside; NaN = no truth"
    )
    surface_mm: np.ndarray = array(
        "n_grid_rows n_grid_cols 3",
        "f4",
        "mm",
        "measured surface, every few texels, model frame; NaN = off the chart",
    )
    surface_error_mm: np.ndarray = array(
        "n_measured n_grid_rows n_grid_cols",
        "f2",
        "mm",
        "its signed distance, one for each `alignment`, likewise",
    )
