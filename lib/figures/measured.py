"""Pictures of base meshes and measured surfaces: shaded, and coloured by what is known of them."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from lib.artefacts import BaseMesh, Surface
from lib.facemodel.model import FaceModel
from lib.figures.sheets import INK, PAPER, font
from lib.imaging import srgb_to_linear
from lib.render import Paint, PreviewOptions, render_head, turntable_cameras, uv_buffers
from lib.uvspace.mesh import grid_triangles
from lib.uvspace.seams import sewn

SIZE = (540, 1080)  # (h, w) px
FRONT, SIDE = (540, 420), (270, 330)
GREY = (0.36, 0.36, 0.36)  # linear
SHADED = PreviewOptions(supersample=2, specular=0.25, background=PAPER, cull_back_faces=False)
COLOURED = PreviewOptions(
    supersample=2, studio=0.35, specular=0.0, background=PAPER, cull_back_faces=False
)
# sRGB of 0 .. 1; told apart with any colour vision and in grey
GAP = (232, 232, 230)
RAMP = np.array(
    [[44, 26, 84], [58, 92, 146], [48, 152, 142], [136, 204, 92], [250, 228, 60]], float
)
FREE_FORM_MM = (1.0, 2.0, 5.0, 10.0)  # ends of the ramp
BELOW_DEG = 50.0
MARGIN = 0.13  # around the face
LINE = 3  # px between panels


def draw_base(model: FaceModel, base: BaseMesh) -> np.ndarray:
    """(h, w, 3) uint8: the mesh from the front and both sides, and how far it left the model."""
    vertices = _in_head(base.vertices_mm, base.head_to_world)
    face = face_vertices(model)
    moved = np.abs(base.free_form_mm)
    limit = next((mm for mm in FREE_FORM_MM if mm >= moved[face].max()), FREE_FORM_MM[-1])
    scene = _Scene(vertices, model.triangles, vertices[face])
    colours = _ramp(moved / limit)
    panels = [
        scene.panel(FRONT, 0),
        scene.panel(SIDE, -60),
        scene.panel(SIDE, 60),
        _with_legend(scene.panel(SIDE, 0, colours=colours), f"free-form, 0 … {limit:g} mm"),
        scene.panel(SIDE, 0, BELOW_DEG),
    ]
    return _composed(panels)


def draw_surface(model: FaceModel, surface: Surface) -> np.ndarray:
    """(h, w, 3) uint8: the surface in grey from four sides, and coloured by its confidence.

    Args:
        model: whose chart it is on.
        surface: measured, or the fitted head's where nothing was.
    """
    points = _in_head(surface.points_mm, surface.head_to_world)
    known = np.isfinite(points).all(axis=2)
    texel, triangles = grid_triangles(known)
    triangles = np.concatenate([triangles, sewn(texel, triangles, known.shape, model)])
    vertices = points.reshape(-1, 3)[texel]
    around = points[known & face_texels(model, known.shape)]
    confidence = surface.confidence.astype(np.float32).ravel()[texel]
    scene = _Scene(vertices, triangles, around if len(around) else vertices)
    panels = [
        scene.panel(FRONT, 0),
        scene.panel(SIDE, -60),
        scene.panel(SIDE, 60),
        _with_legend(scene.panel(SIDE, 0, colours=_ramp(confidence)), "confidence, 0 … 1"),
        scene.panel(SIDE, 0, BELOW_DEG),
    ]
    return _composed(panels)


def face_vertices(model: FaceModel) -> np.ndarray:
    """(n,) indices of the face, all vertices of a model that does not say where it is."""
    known = model.parts.get("face_mask", ())
    return known if len(known) else np.arange(model.n_vertices)


def face_texels(model: FaceModel, shape: tuple[int, int]) -> np.ndarray:
    """(rows, cols) bool: texels of the chart where the model has its face."""
    face = np.zeros(model.n_vertices, bool)
    face[face_vertices(model)] = True
    chart = uv_buffers(model.uv, model.uv_triangles, shape)
    inside = face[model.triangles].all(axis=1)
    return inside[np.maximum(chart.triangle_id, 0)] & chart.mask


class _Scene:
    """A mesh in the model frame that is drawn from several sides at one scale.

    Args:
        vertices: (n, 3) mm.
        triangles: (t, 3).
        around: (m, 3) mm: points of the face, which fill a picture.
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray, around: np.ndarray) -> None:
        self.vertices, self.triangles = vertices.astype(np.float32), triangles
        low, high = around.min(axis=0), around.max(axis=0)
        self.middle, half = (low + high) / 2, (high - low) / 2
        self.frame = np.array(
            [[x, y, 0.0] for x in (-half[0], half[0]) for y in (-half[1], half[1])]
        )

    def panel(
        self,
        size: tuple[int, int],
        yaw_deg: float,
        pitch_deg: float = 0.0,
        colours: np.ndarray | None = None,
    ) -> np.ndarray:
        """(h, w, 3) uint8.

        Args:
            size: (h, w) px.
            yaw_deg: how far the head turns to its left.
            pitch_deg: how far it looks up.
            colours: (n, 3) linear; None = grey.
        """
        yaw, pitch = np.radians(yaw_deg), np.radians(-pitch_deg)
        aside = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
        up = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
        vertices = ((self.vertices - self.middle) @ (np.array(up) @ aside).T).astype(np.float32)
        camera = turntable_cameras(self.frame, size, [0], margin=MARGIN)[0]
        paint = Paint(colours=np.broadcast_to(GREY, vertices.shape) if colours is None else colours)
        look = SHADED if colours is None else COLOURED
        return render_head(vertices, self.triangles, camera, size, paint, look)[..., :3]


def _in_head(points_mm: np.ndarray, head_to_world: np.ndarray) -> np.ndarray:
    """(..., 3) world points in the model frame."""
    return (points_mm.astype(np.float64) - head_to_world[:, 3]) @ head_to_world[:, :3]


def _ramp(share: np.ndarray) -> np.ndarray:
    """(n, 3) linear colours of values 0..1."""
    stops = np.linspace(0, 1, len(RAMP))
    colours = np.stack([np.interp(share, stops, channel) for channel in RAMP.T], axis=-1)
    return srgb_to_linear(np.rint(colours).astype(np.uint8))


def _with_legend(panel: np.ndarray, words: str) -> np.ndarray:
    """The panel with a bar of the ramp and what it means at its foot."""
    image = Image.fromarray(panel)
    height, width = panel.shape[:2]
    stops = np.linspace(0, len(RAMP) - 1, width // 2)
    bar = np.stack([np.interp(stops, range(len(RAMP)), channel) for channel in RAMP.T], axis=-1)
    strip = np.repeat(np.rint(bar).astype(np.uint8)[None], 8, axis=0)
    image.paste(Image.fromarray(strip), (width // 4, height - 12))
    draw, place = ImageDraw.Draw(image), (width / 2, height - 15)
    draw.text(place, words, INK, font(12), "mb", stroke_width=2, stroke_fill=PAPER)
    return np.asarray(image)


def _composed(panels: list[np.ndarray]) -> np.ndarray:
    """A large panel, and four small ones in two rows on its right."""
    front, first, second, third, fourth = panels
    right = np.vstack([np.hstack([first, second]), np.hstack([third, fourth])])
    picture = np.hstack([front, right])
    left, middle = FRONT[1], FRONT[1] + SIDE[1]
    for rows, columns in (
        (slice(None), slice(left, left + LINE)),
        (slice(None), slice(middle, middle + LINE)),
        (slice(SIDE[0], SIDE[0] + LINE), slice(left, None)),
    ):
        picture[rows, columns] = GAP
    return picture
