"""One texture from all views of a capture: photo where it is seen, plausible skin elsewhere.

The colour is written as prior x tone x detail. The prior is the fitted albedo under the fitted
light. The tone is a smooth correction on the surface that carries what is seen over to what is
not. The detail is what the photo shows beyond them; where nothing is seen it is mirrored, and
a membrane takes up the step at the border. All three are multiplied, so they are blended as
logarithms.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lib.artefacts import Capture, FaceFit, Faces, SkinMask, Texture
from lib.errors import ShapeError
from lib.facemodel.model import FaceModel
from lib.geometry import vertex_normals
from lib.imaging import luminance
from lib.render import fill_margins, interpolate, irradiance, sample_texture
from lib.texture.chart import Chart, prepare_chart
from lib.texture.complete import complete
from lib.texture.extract import extract_texture
from lib.texture.many import join_views
from lib.texture.measured import measured_head
from lib.texture.mvfr import average_views
from lib.texture.observe import Observation, observe
from lib.texture.options import TextureOptions
from lib.texture.seen import Joined, Seen, colour_offset, is_grey, linear_colour, log_colour
from lib.uvspace.measured import Measured
from lib.uvspace.shown import posed_vertices

EXTRAPOLATED_LIGHT = 0.2  # log; how far the prior's light may leave its mean
LEAST_OVERLAP = 400  # texels; with fewer in common two views keep their own brightness


def blend_texture(
    model: FaceModel,
    capture: Capture,
    faces: Faces,
    fit: FaceFit,
    skin: SkinMask | None = None,
    options: TextureOptions | None = None,
    albedo_prior: np.ndarray | None = None,
    chart: Chart | None = None,
    measured: Measured | None = None,
) -> Texture:
    """The colour of the whole head, light included, free of holes.

    Args:
        model: the fitted head model.
        capture: says where the original photos are.
        faces: which face is meant in each view.
        fit: shape, pose, albedo and light.
        skin: where bare skin is; None = not known.
        options: settings.
        albedo_prior: (rows, cols, 3) linear albedo of eyes, teeth and mouth; its skin is replaced
            by the fitted albedo. None = `base_texture` of the model.
        chart: `prepare_chart(model, options.uv_size)`, to share it between captures.
        measured: cameras, base mesh and surface; where they say something, views are projected on
            them instead of on the fit.

    Raises:
        CaptureFailure: `original_missing`; `no_view` when no calibrated view shows the head.
        ShapeError: `fit` or the base mesh belongs to another model.
    """
    options = options or TextureOptions()
    _check(model, capture, faces, fit)
    chart = chart or prepare_chart(model, options.uv_size)
    if options.method == "extract":
        main = fit.frontal_view
        normals = vertex_normals(posed_vertices(model, fit, main), model.triangles)
        own = _albedo(model, chart, fit, albedo_prior) * _light(chart, fit, normals, main)
        return _texture(chart, *extract_texture(model, chart, capture, fit, own, options))
    if measured is not None and measured.found:
        joined = _on_surface(model, chart, capture, measured, skin, options)
    else:
        joined = _on_fit(model, chart, capture, fit, skin, options)
    albedo = _albedo(model, chart, fit, albedo_prior)
    light = _light(chart, fit, joined.normals, joined.main)
    prior = log_colour(albedo * light, joined.offset)
    log_rgb, weight = complete(chart, joined.seen, prior, options)
    if joined.exact:
        seen = joined.seen.weight > 0
        log_rgb[seen], weight[seen] = joined.seen.log_rgb[seen], 1
    rgb = linear_colour(log_rgb, joined.offset)
    if joined.grey:
        rgb = np.repeat(luminance(rgb)[:, None], 3, axis=1)
    return _texture(chart, rgb, weight)


def _on_fit(
    model: FaceModel,
    chart: Chart,
    capture: Capture,
    fit: FaceFit,
    skin: SkinMask | None,
    options: TextureOptions,
) -> Joined:
    """All views projected on the fitted head."""
    fitted = np.flatnonzero(np.isfinite(fit.world_to_camera).all(axis=(1, 2)))
    views = [observe(model, chart, capture, fit, skin, int(view), options) for view in fitted]
    most = int(np.argmax([view.weight.sum() for view in views]))
    main = int(fitted[most])
    normals = vertex_normals(posed_vertices(model, fit, main), model.triangles)
    well_seen = views[most].rgb[views[most].weight > 0.3]
    offset = colour_offset(well_seen)
    seen = _merge(views, most, offset, _mouth_open_mm(model, fit, fitted))
    return Joined(seen, offset, main, is_grey(well_seen), normals)


def _on_surface(
    model: FaceModel,
    chart: Chart,
    capture: Capture,
    measured: Measured,
    skin: SkinMask | None,
    options: TextureOptions,
) -> Joined:
    """All calibrated views projected on the measured head."""
    head = measured_head(model, measured.base, measured.surface)
    if options.method == "mvfr":
        joined = average_views(chart, head, capture, measured.rig)
    else:
        joined = join_views(model, chart, head, capture, measured.rig, skin, options)
    return replace(joined, normals=joined.normals @ measured.base.head_to_world[:, :3])


def _check(model: FaceModel, capture: Capture, faces: Faces, fit: FaceFit) -> None:
    if fit.vertices.shape != model.mean.shape:
        raise ShapeError("fit.vertices", fit.vertices.shape, f"{model.mean.shape} of {model.name}")
    for name, found in (("capture.path", capture.path), ("faces.box_px", faces.box_px)):
        if len(found) != len(fit.focal_px):
            raise ShapeError(name, (len(found),), f"({len(fit.focal_px)},), one per view of fit")


def _albedo(
    model: FaceModel, chart: Chart, fit: FaceFit, albedo_prior: np.ndarray | None
) -> np.ndarray:
    """(n, 3) linear albedo: fitted on the skin, painted or given elsewhere."""
    albedo = chart.spread(model.albedo(fit.albedo if model.n_albedo else None))
    inner = chart.inner_albedo
    if albedo_prior is not None and albedo_prior.shape[:2] == chart.size:
        inner = albedo_prior.reshape(-1, 3)[chart.texel]
    elif albedo_prior is not None:
        uv = interpolate(chart.buffers, model.uv, model.uv_triangles)[chart.buffers.mask]
        inner = sample_texture(albedo_prior, uv)
    return np.where(chart.skin[:, None], albedo, inner).astype(np.float32)


def _light(chart: Chart, fit: FaceFit, normals: np.ndarray, view: int) -> np.ndarray:
    """(n, 3) fitted light of a view at the texels; `normals` (V, 3) in the model frame."""
    return chart.spread(_soft_irradiance(normals, fit.light[view]))


def _soft_irradiance(normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """(V, 3) fitted light per vertex: its mean tint, and its brightness kept near the mean.

    Harmonics fitted to one side of a head go wild, even negative, on the other.
    """
    received = irradiance(normals, np.nan_to_num(light)).astype(np.float32)
    mean = received.mean(axis=0)
    if not (mean > 0.01).all():  # no light was fitted
        return np.ones_like(received)
    off = np.log(np.maximum(luminance(received / mean), 0.02)) / EXTRAPOLATED_LIGHT
    return mean * np.exp(EXTRAPOLATED_LIGHT * np.tanh(off))[:, None]


def _merge(views: list[Observation], main: int, offset: float, mouth_open_mm: float) -> Seen:
    """All views as one, each brought to the brightness and tint of the main view."""
    total = np.zeros_like(views[main].weight)
    best = np.zeros_like(total)
    skin = np.zeros_like(total)
    mean = np.zeros_like(views[main].rgb)
    for view in views:
        share = view.weight**2
        total += share
        skin += share * view.expected_skin
        mean += share[:, None] * (log_colour(view.rgb, offset) + _gain(view, views[main], offset))
        best = np.maximum(best, view.weight)
    total = np.maximum(total, 1e-9)
    return Seen(mean / total[:, None], best, skin / total, mouth_open_mm)


def _mouth_open_mm(model: FaceModel, fit: FaceFit, fitted: np.ndarray) -> float:
    """How much further apart the lips are in some view that was fitted than in the neutral face."""
    inner = model.landmarks["ibug68"]

    def gap(vertices: np.ndarray) -> float:
        points = inner.on(vertices, model.triangles)
        return float(np.linalg.norm(points[[61, 62, 63]] - points[[67, 66, 65]], axis=1).mean())

    posed = [gap(posed_vertices(model, fit, view)) for view in fitted]
    return max(posed) - gap(fit.vertices.astype(np.float32))


def _gain(view: Observation, main: Observation, offset: float) -> np.ndarray:
    """(3,) what to add to a view's log colours where both see the face well."""
    both = (view.weight > 0.3) & (main.weight > 0.3)
    if view is main or both.sum() < LEAST_OVERLAP:
        return np.zeros(3, np.float32)
    return np.median(
        log_colour(main.rgb[both], offset) - log_colour(view.rgb[both], offset), axis=0
    )


def _texture(chart: Chart, rgb: np.ndarray, weight: np.ndarray) -> Texture:
    """The artefact: colours and weights on the grid, with the gaps between the charts filled."""
    picture = chart.picture(np.column_stack([np.clip(rgb, 0, 1), weight]))
    filled = fill_margins(picture[..., :3], chart.buffers.mask)
    return Texture(rgb=filled, weight=picture[..., 3])
