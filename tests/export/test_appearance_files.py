"""What is written of a head whose albedo is told apart from its light."""

import json

import numpy as np
import pytest
from PIL import Image

from lib.artefacts import digest
from lib.export import Appearance, ExportOptions, HeadExporter
from lib.export.appearance import LARGEST_F0, PHOTO_FILES, gloss_picture, skin_tone
from lib.export.head import APPEARANCE_FILES, FILES
from lib.export.relit import RELIT_FILES
from lib.imaging import linear_to_srgb
from lib.render.light_sets import LIGHT_SETS
from tests.export.test_glb import Glb, validate
from tests.synthetic_head import synthetic_case

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
def capture(case, tmp_path_factory):
    """The case's capture with an original twice its size on disk."""
    file = tmp_path_factory.mktemp("photos") / "anna.png"
    image = np.repeat(np.repeat(case.capture.image[0], 2, 0), 2, 1)
    Image.fromarray(image).save(file)
    return case.capture.replace(path=(str(file),), sha256=(digest(file),))


@pytest.fixture(scope="module")
def folder(writer, case, capture, appearance, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lit") / "anna"
    given = (capture, case.landmarks, case.fit, case.texture)
    writer.write(folder, "anna", *given, appearance=appearance)
    return folder


def test_a_head_has_the_files_of_its_appearance(folder):
    wanted = {*FILES, *APPEARANCE_FILES, *PHOTO_FILES, "relight"}
    assert wanted == {path.name for path in folder.iterdir()}
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
    assert view["photo"] == "anna.png" and view["white_source"] == "camera"
    assert [one["name"] for one in table["sets"]] == [light.name for light in LIGHT_SETS]
    lamps = {one["name"]: len(one["lamps"]) for one in table["sets"]}
    assert lamps == {light.name: len(light.lamps) for light in LIGHT_SETS}


def test_the_skins_tone_has_its_sigma_and_class(folder):
    tone = json.loads((folder / "coefficients.json").read_text())["skin_tone"]
    assert (tone["ita_deg"], tone["ita_sigma_deg"]) == (35.0, 6.0)
    assert tone["class"] == "intermediate"


def test_a_class_is_named_only_where_sigma_leaves_no_other(case):
    for sigma, name in ((6.0, "intermediate"), (8.0, None), (np.nan, None)):
        assert skin_tone(case.albedo.replace(ita_sigma_deg=sigma))["class"] == name


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
    nobody = [part.replace(method="none") for part in (case.albedo, case.highlights)]
    for number, appearance in enumerate((Appearance(*nobody), Appearance())):
        folder = tmp_path / str(number)
        writer.write(folder, "anna", *given, appearance=appearance)
        assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
        for name in FILES:
            assert (folder / name).read_bytes() == (exported / name).read_bytes(), name


def test_matte_photos_have_the_originals_size_and_pixels_where_nothing_was_taken(folder, capture):
    diffuse, mask = (np.asarray(Image.open(folder / name)) for name in PHOTO_FILES)
    original = np.asarray(Image.open(capture.path[0]))
    assert diffuse.shape == original.shape and mask.shape == original.shape[:2]
    far = mask == 0
    far[:-8] &= mask[8:] == 0
    far[8:] &= mask[:-8] == 0
    np.testing.assert_array_equal(diffuse[far], original[far])
    assert (diffuse[mask > 100] < original[mask > 100]).all()


def test_each_of_several_views_has_its_own_matte_photo(model, writer, case, capture, tmp_path):
    two = synthetic_case(model, n_views=2)
    path, sha = (value * 2 for value in (capture.path, capture.sha256))
    given = (two.capture.replace(path=path, sha256=sha), two.landmarks, two.fit, two.texture)
    writer.write(tmp_path, "anna", *given, appearance=Appearance(highlights=two.highlights))
    names = {f"{view}_{file}" for view in two.capture.view for file in PHOTO_FILES}
    assert names <= {path.name for path in tmp_path.iterdir()}


def test_an_original_that_is_gone_costs_its_own_pictures_alone(writer, case, caplog, tmp_path):
    given = (case.capture, case.landmarks, case.fit, case.texture)
    writer.write(tmp_path, "anna", *given, appearance=Appearance(case.albedo, case.highlights))
    assert "diffuse.png is not written" in caplog.text and (tmp_path / "head.glb").is_file()
    assert not (tmp_path / "diffuse.png").exists()
