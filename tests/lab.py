"""The explorer as a teacher sees it: in JupyterLab in a real browser, and as a page of its own."""

import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from os import environ

import pytest
from conftest import ROOT

from flutils.data.cache import find_cache_folder
from flutils.reproduce import kernel_environment

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A container gives a browser no sandbox and little shared memory; and it has nobody to report to.
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
PATIENCE = 120  # seconds, for a machine that is busy with other things


@contextmanager
def open_browser():
    """Yield Chromium driven by Playwright, which is used without a browser of its own; skip without one."""
    found = [path for path in map(shutil.which, BROWSERS) if path]
    if not found:
        pytest.skip(f"no {', '.join(BROWSERS)} is installed; install Chromium to see the explorer in it")
    driver = pytest.importorskip(
        "playwright.sync_api", reason="playwright, which drives it, is not installed"
    )
    with driver.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found[0], args=SWITCHES)
        yield opened
        opened.close()


def wait_for(address, server, log):
    """Wait until a server answers, be it that there is no such page; fail if it ends or stays silent."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text()}")


@contextmanager
def serve(home, scratch, *command):
    """Run a server of Jupyter's on a free port, nobody's settings in use; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = scratch / "server.log"
    command = [sys.executable, "-m", *command, "--no-browser", f"--port={port}"]
    with kernel_environment(home), log.open("wb") as file:
        own = {"HOME": str(scratch), "FLUTILS_CACHE": str(find_cache_folder())}
        server = subprocess.Popen(command, env={**environ, **own}, stdout=file, stderr=file, cwd=scratch)
        try:
            wait_for(f"http://127.0.0.1:{port}/no-such-page", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGTERM)  # it then ends its kernels
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()


@contextmanager
def serve_lab(folder, home, scratch):
    """Serve JupyterLab on a folder of notebooks; yield its address and token."""
    token = secrets.token_hex(16)
    command = [
        "jupyterlab", "--allow-root", "--ip=127.0.0.1", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}", "--LabApp.news_url=",
        "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    with serve(home, scratch, *command) as address:
        yield address, token


def read_page(home, scratch):
    """Return the page that Voilà makes of notebook 00, set to profile smoke."""
    copy_notebook(scratch / "notebooks")
    with (
        serve(home, scratch, "voila", str(scratch / "notebooks" / "00_explorer.ipynb")) as address,
        urllib.request.urlopen(address, timeout=2 * PATIENCE) as answer,
    ):
        return answer.read().decode()


def copy_notebook(folder):
    """Copy notebook 00, set to profile smoke."""
    text = (ROOT / "notebooks" / "00_explorer.ipynb").read_text(encoding="utf-8")
    small, changes = re.subn(r'PROFILE = \\"\w+\\"', r'PROFILE = \\"smoke\\"', text)
    assert changes == 1
    folder.mkdir()
    (folder / "00_explorer.ipynb").write_text(small, encoding="utf-8")


def run_all_cells(page):
    """Run all cells; JupyterLab drops the command while it has no kernel yet, so repeat it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        for _ in range(50):
            if page.locator(".jp-InputPrompt", has_text="*").count():  # a cell that waits or runs
                return
            page.wait_for_timeout(100)
    pytest.fail("JupyterLab ran no cell")


def check_explorer(browser, home, tmp_path):
    """Run the notebook, move the length by keys, press the button; the words and the image follow."""
    copy_notebook(tmp_path / "notebooks")
    with serve_lab(tmp_path / "notebooks", home, tmp_path) as (address, token):
        page = browser.new_page(viewport={"width": 1200, "height": 1400})
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{address}/lab/tree/00_explorer.ipynb?token={token}")
        page.locator(".jp-Notebook h1", has_text="move a sample along a ray").wait_for()
        run_all_cells(page)
        status = page.locator(".widget-html-content", has_text="at length")
        status.wait_for()
        before, picture = status.inner_text(), page.locator("img.widget-image").first.get_attribute("src")
        handle = page.locator(".widget-hslider", has_text=re.compile(r"^length")).locator(".noUi-handle")
        handle.focus()
        for _ in range(5):
            handle.press("ArrowRight")
        page.wait_for_function(
            "([old]) => [...document.querySelectorAll('.widget-html-content')]"
            ".some(e => e.innerText.includes('at length') && e.innerText !== old)",
            arg=[before],
        )
        page.wait_for_function(
            "([old]) => document.querySelector('img.widget-image').getAttribute('src') !== old",
            arg=[picture],
        )
        moved = status.inner_text()
        page.screenshot(path=tmp_path / "explorer.png")
        page.get_by_role("button", name="class-center image").click()
        page.locator(".widget-html-content", has_text="class-center image of class").wait_for()
        page.close()
    assert "at length 0 " not in moved
    assert moved.splitlines()[0] == before.splitlines()[0]  # the same sample and direction
    assert (tmp_path / "explorer.png").stat().st_size > 20_000
