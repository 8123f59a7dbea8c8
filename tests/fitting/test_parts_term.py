"""Parts of the face as evidence of the fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.artefacts import FaceFit, Parsing
from lib.errors import ConfigError
from lib.facemodel import PARTS, part_of_triangles
from lib.fitting import FitOptions, fit_faces, parts
from lib.fitting.pack import Layout
from lib.fitting.part_distance import part_descriptor
from lib.fitting.views import read_views
from lib.render import render_buffers
from tests.fitting.conftest import CENTRE, FOCAL, SIZE, points_of, pose, random_identity, subject
from tests.fitting.test_derivatives import CPU, check_gradient, state  # noqa: F401

YAW = 12.0


def labels(model, identity, expression):
    """(h, w) uint8 parts of the exact head."""
    mesh = model.vertices(identity, expression).astype(np.float32)
    view = pose(YAW), FOCAL, CENTRE, SIZE
    buffers = render_buffers(mesh, model.triangles, *view, cull_back_faces=False)
    label = np.where(buffers.mask, part_of_triangles(model)[buffers.triangle_id], 0)
    return np.where(label <= len(PARTS), label, 0).astype(np.uint8)


def with_parts(model, identity, expression, known=None, marks=None):
    """A subject with 68 exact points, or others, and its parts."""
    points = points_of(model, identity, expression, YAW, "ibug68") if marks is None else marks
    item = subject("a", "ibug68", points, sigma_px=2.0)
    item = replace(item, landmarks=item.landmarks.replace(ibug68_px=points[None]))
    known = np.ones((1, 8)) if known is None else known
    told = Parsing(method="files", label=[labels(model, identity, expression)], known=known)
    return replace(item, parsing=told)


@pytest.fixture
def smile(model):
    weights = np.zeros(model.n_expression, np.float32)
    for name, weight in (("jawOpen", 0.6), ("browInnerUp", 0.8), ("mouthLeft", 0.7)):
        weights[model.expression_names.index(name)] = weight
    return weights


@pytest.fixture
def term(model, state, smile):  # noqa: F811
    item = with_parts(model, random_identity(model, 5), smile)
    views = read_views(item, 192)
    found = parts.part_term(model, views, 3.0, CPU)
    return parts.with_seen(found, model, state, views)


def test_the_gradient_is_that_of_the_cost(model, state, term):  # noqa: F811
    layout = Layout(model.n_identity, model.n_albedo, model.n_expression)
    unknowns = [0, 3, *range(layout.camera.start, layout.camera.stop - 1)]
    unknowns += [layout.expression.start + model.expression_names.index("jawOpen")]
    check_gradient(
        model, state, lambda s, own: parts.part_normal(term, s, own), unknowns, 1e-3, 0.02
    )


def test_the_cost_is_half_the_papers_loss_in_mm(model, state, term):  # noqa: F811
    layout = Layout(model.n_identity, model.n_albedo, model.n_expression)
    image, _, _ = parts.project_with_derivatives(
        state.cameras, term.points.points.at(state.shape())
    )
    scale = float(term.scale[0])
    expected = 0.0
    for index, name in enumerate(PARTS):
        chosen = torch.tensor(term.points.part == index) & term.counts[0]
        gamma = part_descriptor(image[0, chosen], term.anchors[0]) - term.targets[0, index]
        weight = 3.0 * parts.PART_WEIGHT.get(name, 1.0)
        expected += weight * float((gamma**2).sum()) / len(term.anchors[0]) / scale**2
    found = float(parts.part_normal(term, state, layout).cost[0])
    assert found == pytest.approx(0.5 * expected, rel=1e-4)


def test_the_derivatives_of_the_descriptor_are_those_of_autograd():
    chance = torch.Generator().manual_seed(0)
    points = torch.rand(30, 2, generator=chance, dtype=torch.float64) * 40
    columns = torch.randn(30, 2, 5, generator=chance, dtype=torch.float64)
    anchors = torch.rand(17, 2, generator=chance, dtype=torch.float64) * 40
    found, moved = parts.descriptor_with_derivatives(points, columns, anchors)
    torch.testing.assert_close(found, part_descriptor(points, anchors))
    by_points = torch.autograd.functional.jacobian(lambda p: part_descriptor(p, anchors), points)
    torch.testing.assert_close(moved, torch.einsum("afnd,ndk->afk", by_points, columns))


def test_points_cover_their_parts_evenly_and_eyes_close_with_their_lids(model):
    points = parts.part_points(model, CPU)
    blink = np.zeros(model.n_expression, np.float32)
    for side in ("Left", "Right"):
        blink[model.expression_names.index(f"eyeBlink{side}")] = 1
    nothing = torch.zeros(1, model.n_identity)
    shapes = [torch.cat([nothing, torch.tensor(e)[None]], 1) for e in (0 * blink, blink)]
    heights = []
    for shape in shapes:
        place = points.points.at(shape)[0].numpy()[points.part == PARTS.index("right_eye")]
        middle = place[np.abs(place[:, 0] - np.median(place[:, 0])) < 4]
        heights.append(np.ptp(middle[:, 1]))
    assert heights[0] > 6 and heights[1] < 0.55 * heights[0]
    counts = np.bincount(points.part, minlength=8)
    assert counts.min() >= 100
    lips = points.points.mean.numpy()[points.part == PARTS.index("lower_lip")]
    assert np.ptp(lips[:, 0]) > 35


def test_parts_move_brows_and_lips_where_landmarks_do_not_tell(model, smile):
    identity = random_identity(model, 5)
    marks = points_of(model, identity, smile, YAW, "ibug68")
    marks[17:27] = np.nan  # no brows
    marks[48:68] = np.nan  # no lips
    item = with_parts(model, identity, smile, marks=marks)
    overlap = []
    for weight in (0.0, 10.0):
        options = FitOptions(photometric_weight=0, parts_weight=weight)
        fit = fit_faces(model, [item], options)["a"]
        assert isinstance(fit, FaceFit)
        mesh = model.vertices(fit.identity, fit.expression[0]).astype(np.float32)
        view = fit.world_to_camera[0], float(fit.focal_px[0]), fit.centre_px[0], SIZE
        buffers = render_buffers(mesh, model.triangles, *view, cull_back_faces=False)
        found = np.where(buffers.mask, part_of_triangles(model)[buffers.triangle_id], 0)
        true = item.parsing.label[0]
        overlap.append(
            [((found == k) & (true == k)).sum() / ((found == k) | (true == k)).sum()
             for k in (3, 4, 6, 7)]
        )  # fmt: skip
    without, with_them = np.array(overlap)
    assert (with_them > 0.6).all() and without.mean() < 0.5


def test_without_parts_or_weight_the_fit_is_what_it_was(model, smile):
    identity = random_identity(model, 5)
    item = with_parts(model, identity, smile)
    plain = replace(item, parsing=None)
    options = FitOptions(photometric_weight=0)
    one = fit_faces(model, [plain], replace(options, parts_weight=5.0))["a"]
    other = fit_faces(model, [item], options)["a"]
    np.testing.assert_array_equal(one.identity, other.identity)
    np.testing.assert_array_equal(one.expression, other.expression)


def test_parts_that_nobody_knows_weigh_nothing(model, smile):
    item = with_parts(model, random_identity(model, 5), smile, known=np.zeros((1, 8)))
    options = FitOptions(photometric_weight=0)
    with_them = fit_faces(model, [item], replace(options, parts_weight=5.0))["a"]
    without = fit_faces(model, [item], options)["a"]
    np.testing.assert_allclose(with_them.expression, without.expression, atol=0.05)


def test_an_eye_that_shows_skin_alone_is_shut(model):
    blink = np.zeros(model.n_expression, np.float32)
    blink[model.expression_names.index("eyeBlinkRight")] = 1
    identity = np.zeros(model.n_identity, np.float32)
    open_marks = points_of(model, identity, 0 * blink, YAW, "ibug68")
    item = with_parts(model, identity, blink, marks=open_marks)
    views = read_views(item, 192)
    np.testing.assert_array_equal(parts.shut_eyes(views), [[True, False]])
    fit = fit_faces(model, [item], FitOptions(photometric_weight=0, parts_weight=3.0))["a"]
    names = list(model.expression_names)
    assert fit.expression[0, names.index("eyeBlinkRight")] == 1
    assert fit.expression[0, names.index("eyeBlinkLeft")] < 0.75  # its twin draws it down


def test_the_skins_points_end_at_the_brows_on_photo_and_model(model, state, smile):  # noqa: F811
    item = with_parts(model, random_identity(model, 5), smile)
    views = read_views(item, 192)
    term = parts.with_seen(parts.part_term(model, views, 1.0, CPU), model, state, views)
    image, _, _ = parts.project_with_derivatives(
        state.cameras, term.points.points.at(state.shape())
    )
    skin = torch.tensor(term.points.part == PARTS.index("skin"))
    brows = item.landmarks.ibug68_px[0, 17:27, 1]
    assert image[0, term.counts[0] & skin, 1].min() > brows.min() - 3
    assert (term.counts[0] & skin).sum() > 80


def test_masks_with_mixed_up_labels_are_not_followed(model, smile, caplog):
    identity = random_identity(model, 5)
    item = with_parts(model, identity, smile)
    label = np.array(item.parsing.label[0])
    label = np.where(label == 1, 2, np.where(label == 2, 1, label)).astype(np.uint8)
    mixed = replace(item, parsing=item.parsing.replace(label=[label]))
    options = FitOptions(photometric_weight=0, parts_weight=5.0)
    fit = fit_faces(model, [mixed], options)["a"]
    assert fit.reprojection_px[0] < 0.05 * fit.interocular_px[0]
    assert "right_eye on the photo is" in caplog.text


def test_a_model_without_parts_is_refused(model):
    bare = replace(model, parts={"face_mask": model.parts["face_mask"]})
    with pytest.raises(ConfigError, match="has none of the parts right_eye"):
        parts.part_points(bare, CPU)
