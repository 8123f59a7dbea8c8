import base64
import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from lib.report import ReportOptions, write_report
from lib.report.viewer import head_pack, model_pack, three_js
from tests.synthetic_head import synthetic_case


class Page(HTMLParser):
    """Tags, their attributes and the text outside scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.inside = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside.append(tag)

    def handle_endtag(self, tag):
        if tag in self.inside:
            del self.inside[len(self.inside) - 1 - self.inside[::-1].index(tag)]

    def handle_data(self, data):
        if not {"script", "style"} & set(self.inside):
            self.text.append(data)


@pytest.fixture(scope="module")
def page(report):
    return Page(report.read_text(encoding="utf-8"))


def unpack(text):
    data = gzip.decompress(base64.b64decode(text))
    size = int.from_bytes(data[:4], "little")
    header = json.loads(data[4 : 4 + size])
    arrays = {
        name: np.frombuffer(data, entry["type"], entry["length"], 4 + size + entry["offset"])
        for name, entry in header["arrays"].items()
    }
    return header["facts"], arrays


def test_the_page_loads_nothing(page, report):
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            if name in attributes and tag != "a":
                assert attributes[name].startswith("data:"), (tag, attributes)
    links = [a["href"] for tag, a in page.tags if tag == "a"]
    assert links and not any(re.match(r"[a-z]+:|//", link) for link in links)
    assert "default-src 'none'" in report.read_text(encoding="utf-8")


def test_links_lead_to_files_of_the_run(page, results):
    from urllib.parse import unquote

    links = {unquote(a["href"]) for tag, a in page.tags if tag == "a"}
    assert "b0001/export/anna & <co>/head.glb" in links
    assert {link for link in links if link.endswith(".jpg")} == {
        "b0002/sheets/import.jpg",
        "b0002/sheets/fit.jpg",
    }


def test_names_are_escaped(page):
    assert "anna & <co>" in page.text
    assert not [tag for tag, _ in page.tags if tag == "co"]


def test_failures_are_listed_with_their_reasons(page):
    text = " ".join(page.text)
    for words in ("hill", "no face", "No face above 0.5.", "torn", "unreadable image"):
        assert words in text


def test_only_the_first_heads_have_a_3d_view_and_the_others_are_linked(page):
    packs = [a["data-name"] for tag, a in page.tags if tag == "script" and "data-head" in a]
    assert packs == ["anna & <co>", "beth"]
    assert "carl" in " ".join(page.text)


def test_seconds_per_rule_are_shown_without_javascript(page):
    text = " ".join(page.text)
    assert "fit_face_model" in text and "25.0" in text
    assert sum(tag == "rect" for tag, _ in page.tags) == 2


def test_the_same_run_gives_the_same_page(report, results, model):
    before = report.read_bytes()
    options = ReportOptions(max_heads=2, max_sheet_batches=1)
    assert write_report(results, ["b0001", "b0002"], model, options).read_bytes() == before


def test_a_run_without_any_head_still_has_a_page(tmp_path, model):
    page = Page(write_report(tmp_path, [], model).read_text(encoding="utf-8"))
    assert "No head was finished." in " ".join(page.text)


def test_three_js_comes_with_its_licence():
    code = three_js()
    assert code.startswith("/**\n * @license") and "SPDX-License-Identifier: MIT" in code[:120]
    assert "WebGLRenderer" in code and "</script" not in code


def test_a_head_pack_gives_the_vertices_back_to_a_hundredth_mm(model):
    case = synthetic_case(model)
    _, arrays = unpack(head_pack(case.fit, case.texture, 32))
    found = arrays["position"].reshape(-1, 3) / 100
    np.testing.assert_allclose(found, case.fit.vertices, atol=0.00501)
    np.testing.assert_allclose(arrays["sigma"] / 25, case.fit.vertex_sigma_mm, atol=0.021)
    assert arrays["texture"][:2].tobytes() == b"\xff\xd8"


def test_only_a_head_whose_albedo_is_known_can_be_relit(model):
    case = synthetic_case(model)
    facts, arrays = unpack(head_pack(case.fit, case.texture, 32, case.albedo))
    assert facts["roughness"] == 0.5 and arrays["albedo"][:2].tobytes() == b"\xff\xd8"
    for nobody in (None, case.albedo.replace(method="none")):
        facts, arrays = unpack(head_pack(case.fit, case.texture, 32, nobody))
        assert "albedo" not in arrays and "roughness" not in facts


def test_a_card_tells_the_tone_of_the_skin(page):
    assert "intermediate, ITA 35° ± 6°" in " ".join(page.text)


def test_a_head_of_unknown_sigma_is_shown_as_unsure(model):
    case = synthetic_case(model)
    fit = case.fit.replace(vertex_sigma_mm=np.full(model.n_vertices, np.nan))
    _, arrays = unpack(head_pack(fit, case.texture, 32))
    assert (arrays["sigma"] == 255).all()


def test_the_model_pack_gives_triangles_chart_and_expressions_back(model):
    facts, arrays = unpack(model_pack(model, 0.05))
    corner = arrays["vertex"][arrays["index"]].reshape(-1, 3)
    order = np.argsort(model.triangle_region > 0, kind="stable")
    np.testing.assert_array_equal(corner, model.triangles[order])
    uv = arrays["uv"].reshape(-1, 2)[arrays["index"]].reshape(-1, 3, 2) / 65535
    np.testing.assert_allclose(uv, model.uv[model.uv_triangles[order]], atol=1e-5)
    ends = np.cumsum(arrays["moved_count"])
    for k, end in enumerate(ends):
        moved = np.zeros(model.mean.shape)
        rows = slice(end - arrays["moved_count"][k], end)
        moved[arrays["moved_vertex"][rows]] = arrays["moved_delta"].reshape(-1, 3)[rows] / 100
        np.testing.assert_allclose(moved, model.expression_basis[k], atol=0.0501)
    assert facts["names"] == list(model.expression_names)
    assert facts["matt"] == 3 * (model.triangle_region == 0).sum()
    assert facts["range"] == [0, 1]


def test_sliders_of_normal_expressions_go_both_ways(model):
    facts, _ = unpack(model_pack(replace(model, expression_prior="normal"), 0.05))
    assert facts["range"] == [-3, 3]


def test_the_page_tells_what_heads_were_made_with_and_what_licences_allow(tmp_path, model):
    licences = {
        "parts": {"synthetic": "CC0-1.0", "net <1>": "academic use only"},
        "commercial_use": "NOT ALLOWED by the licence of net <1>",
    }
    text = write_report(tmp_path, [], model, licences=licences).read_text(encoding="utf-8")
    assert "Made with synthetic (CC0-1.0), net &lt;1&gt; (academic use only)." in text
    assert "NOT ALLOWED by the licence of net &lt;1&gt;;" in text
    assert '<a href="provenance.json">' in text
