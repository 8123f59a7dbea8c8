"""What is written of a head whose albedo is told apart from its light."""

import json

import numpy as np
import pytest
from PIL import Image

from lib.export import Appearance, ExportOptions, HeadExporter
from lib.export.appearance import LARGEST_F0, gloss_picture
from lib.export.head import APPEARANCE_FILES, FILES
from lib.export.relit import RELIT_FILES
from lib.imaging import linear_to_srgb
from lib.render.light_sets import LIGHT_SETS
from tests.export.test_glb import Glb, validate

SIDE = 48


@pytest.fixture(scope="module")
def writer(model):
    return HeadExporter(
        model,
        ExportOptions(overlay_side_px=300, turntable_px=60, glb_texture_px=32, relight_px=SIDE),
    )


@pytest.fixture(scope="module")
def appearance(case):
    return Appearance(case.albedo, case.highlights)


@pytest.fixture(scope="module")
def folder(writer, case, appearance, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lit") / "anna"
    given = (case.capture, case.landmarks, case.fit, case.texture)
    writer.write(folder, "anna", *given, appearance=appearance)
    return folder


def test_a_head_has_the_files_of_its_appearance(folder):
    assert {*FILES, *APPEARANCE_FILES, "relight"} == {path.name for path in folder.iterdir()}
    assert sorted(RELIT_FILES) == sorted(path.name for path in (folder / "relight").iterdir())


def test_the_base_colour_is_the_albedo_and_the_photos_colour_stands_beside_it(folder, case):
    for file, linear in (("albedo", case.albedo.rgb), ("texture", case.texture.rgb)):
        encoded = np.asarray(Image.open(folder / f"{file}.png")) / 255
        np.testing.assert_allclose(
            encoded, linear_to_srgb(linear.astype(np.float32)), atol=0.5 / 255 + 1e-3
        )


def test_grey_maps_hold_reflectance_and_roughness(folder):
    specular, rough = (
        np.asarray(Image.open(folder / f"{name}.png")) for name in ("specular", "roughness")
    )
    np.testing.assert_allclose(specular / 255 * LARGEST_F0, 0.03, atol=LARGEST_F0 / 510)
    np.testing.assert_allclose(rough / 255, 0.5, atol=1 / 510)
    lines = (folder / "head.mtl").read_text().splitlines()
    assert {"map_Kd albedo.png", "map_Ks specular.png", "map_Pr roughness.png"} <= set(lines)


def test_the_glb_reflects_as_the_maps_say(folder, case):
    document = Glb(folder / "head.glb").json
    assert set(document["extensionsUsed"]) == {"KHR_materials_ior", "KHR_materials_specular"}
    (number,) = {
        material["extensions"]["KHR_materials_specular"]["specularTexture"]["index"]
        for material in document["materials"]
    }
    for material in document["materials"]:
        surface = material["pbrMetallicRoughness"]
        assert surface["metallicRoughnessTexture"] == {"index": number}
        assert surface["roughnessFactor"] == 1.0
        ior = material["extensions"]["KHR_materials_ior"]["ior"]
        assert ((ior - 1) / (ior + 1)) ** 2 == pytest.approx(LARGEST_F0, rel=1e-4)
    picture = gloss_picture(case.albedo, 32)
    assert picture.shape == (32, 32, 4) and (picture[..., 2] == 0).all()
    np.testing.assert_allclose(picture[..., 1] / 255, 0.5, atol=1 / 510)
    np.testing.assert_allclose(picture[..., 3] / 255, 0.03 / LARGEST_F0, atol=1 / 510)


def test_the_khronos_validator_finds_nothing(folder, tmp_path):
    path = tmp_path / "head.glb"
    path.write_bytes((folder / "head.glb").read_bytes())
    assert validate(path)["messages"] == []


def test_the_table_of_light_tells_the_photos_and_the_pictures(folder, case):
    table = json.loads((folder / "lighting.json").read_text())
    (view,) = table["views"]
    np.testing.assert_allclose(view["light"], case.albedo.light[0], atol=1e-5)
    assert view["photo"] == "anna.jpg" and view["white_source"] == "camera"
    assert [one["name"] for one in table["sets"]] == [light.name for light in LIGHT_SETS]
    lamps = {one["name"]: len(one["lamps"]) for one in table["sets"]}
    assert lamps == {light.name: len(light.lamps) for light in LIGHT_SETS}


def test_the_skins_tone_has_its_sigma_and_class(folder):
    tone = json.loads((folder / "coefficients.json").read_text())["skin_tone"]
    assert (tone["ita_deg"], tone["ita_sigma_deg"]) == (35.0, 6.0)
    assert tone["class"] == "intermediate"


def test_in_its_own_light_the_albedo_looks_like_the_texture(folder, case, model):
    panels = np.asarray(Image.open(folder / "relight" / "own_light.png")).astype(float)
    assert panels.shape == (SIDE, 4 * SIDE, 3)
    photo, matte, lit, _ = np.split(panels, 4, axis=1)
    middle = slice(SIDE // 2 - 4, SIDE // 2 + 4)
    assert (matte[middle, middle] < photo[middle, middle]).all()
    shown = case.texture.rgb.astype(np.float32)
    expected = 255 * linear_to_srgb(shown[shown > 0].mean())
    assert lit[middle, middle].mean() == pytest.approx(expected, rel=0.35)


def test_without_pictures_nothing_is_relit(model, case, appearance, tmp_path):
    writer = HeadExporter(
        model, ExportOptions(overlay_side_px=300, turntable_px=60, glb_texture_px=32, relight_px=0)
    )
    given = (case.capture, case.landmarks, case.fit, case.texture)
    writer.write(tmp_path, "anna", *given, appearance=appearance)
    assert not (tmp_path / "relight").exists() and (tmp_path / "lighting.json").exists()


def test_a_head_whose_albedo_nobody_told_is_as_before(writer, case, exported, tmp_path):
    given = (case.capture, case.landmarks, case.fit, case.texture)
    nobody = Appearance(case.albedo.replace(method="none"), case.highlights)
    writer.write(tmp_path, "anna", *given, appearance=nobody)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (exported / name).read_bytes(), name
