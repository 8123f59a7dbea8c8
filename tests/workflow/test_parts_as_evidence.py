"""Parts of faces through the line: asked for by settings alone, and followed by the fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut
from skimage.draw import ellipse

from lib.artefacts import BatchReader, FaceFit, Parsing
from lib.networks.parser import Parser
from tests.runs import run

pytestmark = pytest.mark.slow


def test_masks_of_the_user_move_the_fit_and_nothing_is_parsed_unasked(tmp_path):
    photos, masks, out = tmp_path / "photos", tmp_path / "masks", tmp_path / "out"
    photos.mkdir()
    (masks / "eileen").mkdir(parents=True)
    Image.fromarray(astronaut()).save(photos / "eileen.png")
    Image.fromarray(np.full((300, 300, 3), 90, np.uint8)).save(photos / "wall.png")
    lip = np.zeros((512, 512), np.uint8)
    lip[ellipse(163, 223, 6, 22)] = 255  # lower than hers
    Image.fromarray(lip).save(masks / "eileen" / "lower_lip.png")
    files = out / "b0001"
    config = {"photos": photos, "results": out}
    plain = run(str(files / "fit.h5"), **config).check()
    assert "parse_parts" not in plain.jobs and not (files / "parsing.h5").exists()
    with BatchReader(files / "fit.h5", FaceFit) as fits:
        before = fits["eileen"].landmarks_px[0, 57, 1]
    told = {"parsing": f"{{method: files, masks: {masks}}}", "fit": "{parts_weight: 30}"}
    run(str(files / "fit.h5"), **config, **told).check()
    with BatchReader(files / "parsing.h5", Parsing) as parsings:
        parsing = parsings["eileen"]
        assert [row.capture for row in parsings.outcomes if row.failed] == ["wall"]
    assert list(np.flatnonzero(parsing.known[0])) == [6]  # the lower lip alone
    assert (parsing.label[0] == 7).sum() == (lip > 0).sum()
    with BatchReader(files / "fit.h5", FaceFit) as fits:
        assert fits["eileen"].landmarks_px[0, 57, 1] > before + 1


def test_a_network_of_ours_with_random_weights_is_asked_and_goes_through(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(astronaut()).save(photos / "eileen.png")
    torch.manual_seed(0)
    torch.save({"model": Parser().state_dict()}, tmp_path / "parser.pt")
    weights = f"{{method: learned, weights: {tmp_path / 'parser.pt'}}}"
    file = tmp_path / "out/b0001/parsing.h5"
    run(str(file), photos=photos, results=tmp_path / "out", parsing=weights).check()
    with BatchReader(file, Parsing) as parsings:
        assert parsings["eileen"].method == "learned" and parsings["eileen"].known.all()
    assert (file.parent / "sheets/parsing.jpg").is_file()
