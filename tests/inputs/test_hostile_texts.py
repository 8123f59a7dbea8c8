"""XML, JSON, YAML and meshes that grow, or that name other files."""

import resource
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml
from PIL import Image

from lib.errors import ConfigError, ForeignFileError
from lib.evaluation.truth import _base_model
from lib.imaging import read_picture
from lib.inputs.texts import check_size, parse_json, parse_xml
from lib.metrics.importers import read_mesh
from lib.metrics.importers.files import DatasetError
from lib.metrics.importers.now import read_now, read_picked_points
from lib.planning.presets import with_preset
from lib.planning.settings import checked_settings, read_settings
from tests.fuzz.tables import OBJ, PP
from tests.runs import PROJECT

LAUGHS = "\n".join(
    ["a0: &a0 [ha, ha]", *(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 30))]
)
ENTITIES = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]>'
BOUND = 1 << 31


def test_entities_of_xml_are_refused(tmp_path):
    with pytest.raises(ValueError, match="defines entities"):
        parse_xml(f"{ENTITIES}<a>&c;</a>")
    (tmp_path / "a.pp").write_text(PP.replace("<!DOCTYPE PickedPoints>", ENTITIES))
    with pytest.raises(DatasetError, match="defines entities"):
        read_picked_points(tmp_path / "a.pp")
    (tmp_path / "a.pp").write_text(PP)
    assert read_picked_points(tmp_path / "a.pp").shape == (7, 3)


def test_json_without_end_is_a_value_error():
    with pytest.raises(ValueError, match="without end"):
        parse_json("[" * 100_000)


@pytest.mark.parametrize(
    "where", ["fit: *a29", "batch_size: *a29", "unknown: *a29", "photos: [*a9]"]
)
def test_settings_of_names_that_stand_for_lists_of_names_are_refused_quickly(where):
    """Ten to the 28th words, in a kilobyte; in a process that may take 2 GB."""
    code = (
        "import sys, yaml; from lib.planning.settings import checked_settings;"
        "checked_settings(yaml.safe_load(sys.stdin.read()))"
    )
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=f"{LAUGHS}\n{where}\n",
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (BOUND, BOUND)),
    )
    assert "ConfigError: the settings have more than" in done.stderr, done.stderr[-500:]
    assert time.monotonic() - start < 30


def test_a_word_that_is_a_bomb_stays_a_word():
    bomb = f"{{{LAUGHS.replace(chr(10), ', ')}}}"
    with pytest.raises(ConfigError, match=r"Setting 'batch_size' is .* expected integer"):
        checked_settings({"batch_size": bomb})
    with pytest.raises(ConfigError, match=r"Setting 'batch_size' is '\[', expected integer"):
        checked_settings({"batch_size": "["})


@pytest.mark.parametrize("merge", ["<<: *a", "'<<': *a", '"<<" : [*a, *a]'])
def test_a_configuration_file_that_merges_names_is_refused(tmp_path, merge):
    (tmp_path / "c.yaml").write_text(f"x: &a {{b: 1}}\ny:\n  {merge}\n")
    with pytest.raises(ConfigError, match="merges names by <<"):
        read_settings(tmp_path / "c.yaml")


def test_code_in_yaml_never_runs(tmp_path):
    touched = tmp_path / "touched"
    (tmp_path / "c.yaml").write_text(f"x: !!python/object/apply:os.system ['touch {touched}']\n")
    with pytest.raises(ConfigError, match="cannot be read as settings"):
        read_settings(tmp_path / "c.yaml")
    assert not touched.exists()


def test_lists_that_are_small_pass_and_deep_ones_do_not():
    check_size({"a": [1, {"b": [2, 3]}]})
    deep = []
    for _ in range(50):
        deep = [deep]
    with pytest.raises(ValueError, match="40 lists"):
        check_size(yaml.safe_load(yaml.safe_dump(deep)))


@pytest.mark.parametrize("name", ["../../config", "/etc/passwd", "3ddfa_v3/../deep3d"])
def test_a_preset_is_one_of_the_projects_own(name):
    with pytest.raises(ConfigError, match="expected one of"):
        with_preset({"preset": name})


def test_a_mesh_opens_no_other_file(tmp_path):
    Image.fromarray(np.full((4, 4, 3), 200, np.uint8)).save(tmp_path / "secret.png")
    (tmp_path / "m.mtl").write_text("newmtl x\nmap_Kd secret.png\n")
    (tmp_path / "a.obj").write_text(f"mtllib m.mtl\nusemtl x\n{OBJ}")
    opened = []
    sys.addaudithook(lambda event, words: opened.append(words[0]) if event == "open" else None)
    assert len(read_mesh(tmp_path / "a.obj").triangles) == 1
    assert not [path for path in opened if str(path).endswith((".mtl", "secret.png"))]


def test_a_mesh_of_another_kind_or_with_loose_triangles_is_refused(tmp_path):
    for name in ("a.zip", "a.dae", "a.gltf"):
        (tmp_path / name).write_text("x")
        with pytest.raises(DatasetError, match="no mesh by its name"):
            read_mesh(tmp_path / name)
    (tmp_path / "a.off").write_text("OFF\n3 1 0\n0 0 0\n1 0 0\n1 1 0\n3 0 1 7\n")
    with pytest.raises(DatasetError, match=r"vertices 0 to 7|cannot be read as a mesh"):
        read_mesh(tmp_path / "a.off")


def test_a_list_of_images_leads_out_of_no_folder(tmp_path):
    (tmp_path / "list.txt").write_text("subject/../image.jpg\n")
    with pytest.raises(DatasetError, match=r"has the line 'subject/\.\./image\.jpg'"):
        list(read_now(tmp_path / "list.txt", tmp_path, tmp_path, tmp_path))


@pytest.mark.parametrize("name", ["../../secret", "/etc/model.h5", "a b"])
def test_a_truth_names_its_face_model_and_no_file(name):
    class Truth:
        face_model = name

    class Model:
        name = "makehuman"

    with pytest.raises(ConfigError, match="expected a plain name"):
        _base_model(Truth, Model)


def test_a_picture_of_a_data_set_that_is_a_bomb_is_refused(tmp_path):
    Image.new("1", (30_000, 30_000)).save(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size < 2**18
    with pytest.raises(ForeignFileError, match="30000 x 30000 pixels, the limit is 200 megapixels"):
        read_picture(tmp_path / "a.png", "RGB")
