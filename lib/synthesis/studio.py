"""A head model prepared for drawing many people: what is the same for all of them is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import cv2
import numpy as np

from lib.errors import ConfigError
from lib.facemodel import FaceModel, Pouch, base_texture, find_pouch, part_of_triangles
from lib.fitting import average_identity
from lib.synthesis.hair.facial_roots import FacialRoots, facial_roots
from lib.synthesis.hair.hairline import ScalpRoots, scalp_roots
from lib.synthesis.props.sites import HeadSites, head_sites
from lib.synthesis.rendering.materials import EYE, MOUTH, SKIN
from lib.synthesis.shape.eyes import Lids, find_lids
from lib.synthesis.shape.free_form import FreeForm, free_form
from lib.synthesis.shape.tessellation import Tessellation, tessellate
from lib.synthesis.skin.charts import SkinChart, skin_chart
from lib.synthesis.skin.ground import SkinGround, skin_ground

Value = TypeVar("Value")
GLOSS = {  # roughness, reflectance at normal incidence
    "eye": (0.08, 0.050),
    "teeth": (0.25, 0.045),
    "other": (0.35, 0.035),
}


@dataclass(frozen=True, eq=False)
class Studio:
    """A model with charts, tessellations, hair roots and labels, each made when first asked for.

    Args:
        model: the head.
        centre: (n_identity,) sigma, of the person about whom people are drawn.
    """

    model: FaceModel
    centre: np.ndarray
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def free_form(self) -> FreeForm:
        """Shapes beyond the model's coefficients."""
        return self._keep("free form", lambda: free_form(self.model))

    @property
    def facial_roots(self) -> FacialRoots:
        """Where brows, lashes and beards grow."""
        return self._keep("facial roots", lambda: facial_roots(self.model))

    @property
    def lids(self) -> Lids:
        """Which vertices of the eyeballs lie under which lids."""
        return self._keep("lids", lambda: find_lids(self.model))

    @property
    def pouch(self) -> Pouch:
        """Which vertices of the mouth's pouch belong how deep below which skin."""
        return self._keep("pouch", lambda: find_pouch(self.model))

    @property
    def casting_triangles(self) -> np.ndarray:
        """(t, 3) of the skin: what is inside the head casts no shadow on the outside."""
        return self._keep("casting", lambda: self.model.triangles[self.model.region("skin")])

    @property
    def sites(self) -> HeadSites:
        """Where glasses, hats, hands and clothes go."""
        return self._keep("sites", lambda: head_sites(self.model))

    def ground(self, side: int) -> SkinGround:
        """The skin's chart with its pigment fields, at one resolution."""
        return self._keep(("ground", side), lambda: skin_ground(self.model, side))

    def chart(self, side: int) -> SkinChart:
        """The skin's chart alone."""
        return self._keep(("chart", side), lambda: skin_chart(self.model, side))

    def margin(self, side: int) -> np.ndarray:
        """(side, side) flat index of the nearest texel of skin; its own where it is skin."""
        return self._keep(("margin", side), lambda: _nearest(self.ground(side).chart.inside))

    def tessellation(self, level: int) -> Tessellation:
        return self._keep(("mesh", level), lambda: tessellate(self.model, level))

    def vertex_uv(self, level: int) -> np.ndarray:
        """(n_fine, 2) a texture coordinate of each vertex; of the skin's chart where it has one."""
        return self._keep(("uv", level), lambda: self._vertex_uv(level))

    @property
    def roots(self) -> ScalpRoots:
        """Places for the hair of the scalp, far more than any person has."""
        return self._keep("roots", lambda: scalp_roots(self.model))

    def features(self, side: int, iris: str) -> np.ndarray:
        """(side, side, 3) linear RGB: eyes, teeth and mouth painted; skin of the mean person."""
        return self._keep(
            ("features", side, iris), lambda: base_texture(self.model, side, iris=iris)
        )

    def feature_gloss(self, side: int) -> np.ndarray:
        """(side, side, 2) roughness and reflectance of what is not skin."""
        return self._keep(("gloss", side), lambda: self._feature_gloss(side))

    def triangle_kind(self, level: int) -> np.ndarray:
        """(t,) SKIN, EYE or MOUTH."""
        kinds = np.array([_kind(name) for name in self.model.region_names], np.uint8)
        region = self.model.triangle_region[self.tessellation(level).model_triangle]
        return self._keep(("kind", level), lambda: kinds[region])

    def triangle_label(self, level: int) -> np.ndarray:
        """(t,) index into PART_LABELS."""
        of_model = self._keep("label", lambda: part_of_triangles(self.model))
        parent = self.tessellation(level).model_triangle
        return self._keep(("label", level), lambda: of_model[parent])

    def face_vertices(self, level: int) -> np.ndarray:
        """(n_fine,) bool: vertices of the face, without ears and neck."""
        return self._keep(("face", level), lambda: self._face_vertices(level))

    def _keep(self, key: Any, make: Callable[[], Value]) -> Value:
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def _vertex_uv(self, level: int) -> np.ndarray:
        cut = self.tessellation(level)
        result = np.zeros((cut.n_vertices, 2), np.float32)
        skin = self.triangle_kind(level) == SKIN
        for rows in (~skin, skin):  # skin last: it wins where regions meet
            result[cut.triangles[rows]] = cut.uv[cut.uv_triangles[rows]]
        return result

    def _feature_gloss(self, side: int) -> np.ndarray:
        triangle = self.ground(side).chart.triangle
        names = [
            "eye" if n.startswith("eye") else "teeth" if n.startswith("teeth") else "other"
            for n in self.model.region_names
        ]
        table = np.array([GLOSS[name] for name in names], np.float32)
        return table[self.model.triangle_region[np.maximum(triangle, 0)]]

    def _face_vertices(self, level: int) -> np.ndarray:
        face = np.zeros((self.model.n_vertices, 1), np.float32)
        face[self.model.parts["face_mask"]] = 1
        return self.tessellation(level).values(face)[:, 0] > 0.99


def open_studio(model: FaceModel) -> Studio:
    """A studio for a face model.

    Raises:
        ConfigError: the model lacks landmark sets that the truth of a capture holds.
    """
    missing = sorted({"ibug68", "ldm106", "ldm134"} - set(model.landmarks))
    if missing:
        raise ConfigError(
            f"Face model '{model.name}' has no landmarks {', '.join(missing)}, which synthetic "
            "captures need. Write it to a file and load that with load_face_model, which adds "
            "them where the model has lids, lips and brows."
        )
    return Studio(model, average_identity(model))


def _kind(region: str) -> int:
    if region == "skin":
        return SKIN
    return EYE if region.startswith("eye") else MOUTH


def _nearest(inside: np.ndarray) -> np.ndarray:
    empty = np.where(inside, 0, 255).astype(np.uint8)
    _, label = cv2.distanceTransformWithLabels(
        empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.zeros(label.max() + 1, np.int64)
    source[label[inside]] = np.flatnonzero(inside)
    return source[label]
