"""Stages, settings and weights behind a head, without a folder of one machine."""

import json
from pathlib import Path

import pytest

from lib.networks import CARDS
from lib.planning.models import NETWORK_METHODS
from lib.planning.provenance import (
    OWN_FILES,
    SHIPPED,
    head_stages,
    plain,
    shown_path,
    stages_of_run,
)
from lib.planning.settings import checked_settings, settings_schema
from tests.runs import PROJECT


def artefacts(many_views, **settings):
    return [stage["artefact"] for stage in head_stages(checked_settings(settings), many_views)]


def weights(many_views=False, **settings):
    stages = head_stages(checked_settings(settings), many_views)
    return {stage["artefact"]: stage["weights"] for stage in stages if stage["weights"]}


def test_stages_are_those_of_the_line():
    single = ["capture", "faces", "landmarks", "skin", "fit", "surface", "highlights", "texture"]
    assert artefacts(False) == [*single, "albedo", "export"]
    assert "surface" not in artefacts(False, shading={"method": "none"})
    assert set(artefacts(True)) - set(artefacts(False)) == {"rig", "base", "volume", "displacement"}
    assert "parts" in artefacts(False, export={"published": ["deep3d"]})


def test_weights_in_use_are_those_of_the_methods_that_were_chosen():
    folder = "resources/landmark_models"
    mesh = f"{folder}/face_landmark.tflite"
    usual = [f"{folder}/face_detection_short_range.tflite", mesh]
    assert weights() == {"faces": usual, "landmarks": [mesh]}
    chosen = {"method": "learned", "weights": "resources/weights/shading_learned/relief.pt"}
    assert weights(shading=chosen)["surface"] == [chosen["weights"]]
    assert weights(shading=chosen | {"method": "optimise"}) == weights()
    many = weights(True, shading=chosen, regularise={"method": "learned", "weights": "smoother.pt"})
    assert many["surface"] == ["smoother.pt", chosen["weights"]]
    albedo = {"method": "face_texture", "weights": "g.pth", "chart": "BFM_UV.mat"}
    assert weights(albedo=albedo)["albedo"] == ["g.pth", "BFM_UV.mat"]
    shipped = ["lib/highlights/data/highlights.pt"]
    assert weights(highlights={"method": "learned"})["highlights"] == shipped
    own = {"method": "learned", "weights": "own.pt"}
    assert weights(highlights=own)["highlights"] == ["own.pt"]
    fit = {"method": "deep3d"}
    assert weights(fit=fit, regression={"weights": "epoch_20.pth"})["regression"] == [
        "epoch_20.pth"
    ]


def test_files_and_methods_that_are_named_here_exist():
    known = {card.file for card in CARDS.values()}
    assert {file for files in OWN_FILES.values() for file in files} <= known
    assert all((PROJECT / file).is_file() for file in SHIPPED.values())
    sections = settings_schema()["properties"]
    named = [*NETWORK_METHODS.items(), *((section, [method]) for section, method in OWN_FILES)]
    for section, methods in named:
        assert set(methods) <= set(sections[section]["properties"]["method"]["enum"])


def test_a_run_of_both_kinds_has_the_stages_of_both():
    settings = checked_settings({})
    both = [stage["artefact"] for stage in stages_of_run(settings, {"b2"}, ["b1", "b2"])]
    assert sorted(both) == sorted(artefacts(True))
    assert stages_of_run(settings, {"b2"}, ["b1"]) == head_stages(settings, False)


@pytest.mark.parametrize("outside", ["/data/anna", "~/anna", "../../data/anna"])
def test_no_folder_outside_is_told(outside):
    settings = {
        "detection": {"method": "onnx", "onnx_file": f"{outside}/yunet.onnx", "folder": outside},
        "parsing": {"masks": outside},
    }
    told = [stage["settings"] for stage in head_stages(checked_settings(settings), False)]
    assert outside not in json.dumps(told)
    assert "yunet.onnx" in json.dumps(told)
    assert shown_path(f"{outside}/left.jpg") == "left.jpg"
    assert plain(f"made of {outside}/x.npz, and and/or") == "made of x.npz, and and/or"


def test_what_lies_inside_keeps_its_path():
    for path in ("photos/anna.jpg", "resources/weights/a/b.pt"):
        assert shown_path(path) == plain(path) == path
    assert Path(shown_path("photos/a b.jpg")).parent.name == "photos"
    assert plain("https://faces.dmi.unibas.ch/bfm") == "https://faces.dmi.unibas.ch/bfm"
