import re
import shutil
from urllib.parse import quote

import pytest

from tests.report.devtools import Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LOADED = "location.protocol === 'file:' && document.readyState === 'complete'"
DRAWN = "document.documentElement?.matches('[data-ready], [data-failed]')"


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    return found


@pytest.mark.slow
def test_a_head_is_drawn_in_a_real_browser(browser, report, model, tmp_path):
    url = report.as_uri() + "#head=" + quote("anna & <co>")
    with Page(browser, url, tmp_path) as page:
        document = page.wait_for(DRAWN)
        root = page.evaluate("({...document.documentElement.dataset})")
    assert root == {"ready": "anna & <co>", "triangles": str(len(model.triangles))}
    assert "<title>visagraph report</title>" in document
    assert document.count('type="range"') == model.n_expression + 2  # and two of the light
    assert page.web_requests == []


@pytest.mark.slow
def test_a_request_to_the_network_would_be_seen(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text('<img src="http://example.invalid/x.png">')
    with Page(browser, path.as_uri(), tmp_path) as page:
        page.wait_for(LOADED)
    assert page.web_requests == ["http://example.invalid/x.png"]


@pytest.mark.slow
def test_buttons_appear_only_where_scripts_run(browser, report, tmp_path):
    with Page(browser, report.as_uri(), tmp_path) as page:
        document = page.wait_for(LOADED)
    buttons = re.findall(r"<button[^>]*data-open[^>]*>", document)
    assert len(buttons) == 2 and not any("hidden" in button for button in buttons)
    assert "data-ready" not in re.search(r"<html[^>]*>", document).group()
