import re
import shutil
import subprocess
from urllib.parse import quote

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--virtual-time-budget=20000",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the browser's own requests stay here, too
)


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    return found


def open_page(browser, url, profile):
    """The page's document after its scripts have run, and the web addresses it asked for."""
    log = profile / "net.json"
    command = [browser, *FLAGS, f"--user-data-dir={profile}", f"--log-net-log={log}"]
    done = subprocess.run(
        [*command, "--dump-dom", url], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    asked = [line for line in lines if '"network_isolation_key":"file://' in line]
    return done.stdout, re.findall(r'"url":"(https?://[^"]*)', "\n".join(asked))


@pytest.mark.slow
def test_a_head_is_drawn_in_a_real_browser(browser, report, model, tmp_path):
    url = report.as_uri() + "#head=" + quote("anna & <co>")
    document, requests = open_page(browser, url, tmp_path)
    root = re.search(r"<html[^>]*>", document).group()
    assert "data-failed" not in root
    assert 'data-ready="anna &amp; <co>"' in root or 'data-ready="anna &amp; &lt;co&gt;"' in root
    assert f'data-triangles="{len(model.triangles)}"' in root
    assert "<title>visagraph report</title>" in document
    assert document.count('type="range"') == model.n_expression + 2  # and two of the light
    assert requests == []


@pytest.mark.slow
def test_a_request_to_the_network_would_be_seen(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<img src="http://example.invalid/x.png">')
    assert open_page(browser, page.as_uri(), tmp_path)[1] == ["http://example.invalid/x.png"]


@pytest.mark.slow
def test_buttons_appear_only_where_scripts_run(browser, report, tmp_path):
    document, _ = open_page(browser, report.as_uri(), tmp_path)
    buttons = re.findall(r"<button[^>]*data-open[^>]*>", document)
    assert len(buttons) == 2 and not any("hidden" in button for button in buttons)
    assert "data-ready" not in re.search(r"<html[^>]*>", document).group()
