"""JupyterLab in a browser: a server like that of `make lab`, and the actions of a student in a notebook."""

import contextlib
import functools
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

from playwright.sync_api import expect

from tests.website.browser.conftest import REPOSITORY, SCREENSHOTS

TIMEOUT = 200  # seconds; long enough for a machine under load


@contextlib.contextmanager
def jupyter_lab(folder):
    """Start JupyterLab on a copy of the notebooks, and yield its address, its token, and the copy (a Path)."""
    notebooks = folder / "notebooks"
    shutil.copytree(REPOSITORY / "notebooks", notebooks, ignore=shutil.ignore_patterns("*-runs", ".ipynb_checkpoints"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    # The tests do not change the user's settings, workspaces, and signatures.
    homes = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [Path(sys.executable).parent / "jupyter", *make_lab_arguments(notebooks)]
    command += ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={token}"]
    environment = os.environ | homes | {"PYTHONPATH": str(REPOSITORY)}
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(functools.partial(answers, server, f"{address}/api"))
        yield SimpleNamespace(address=address, token=token, notebooks=notebooks)
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()


def shut_down_kernels(lab):
    """Shut down the kernels that this JupyterLab has started."""

    def request(path, **method):
        headers = {"Authorization": f"token {lab.token}"}
        http_request = urllib.request.Request(f"{lab.address}/api/kernels{path}", headers=headers, **method)
        with urllib.request.urlopen(http_request, timeout=TIMEOUT) as answer:
            return answer.read()

    for kernel in json.loads(request("")):
        request(f"/{kernel['id']}", method="DELETE")


def make_lab_arguments(notebooks):
    """Return the arguments that `make lab` passes to `jupyter`, with another folder of notebooks."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    line = subprocess.run(
        ["make", "-sn", "-o", ".venv/installed", "lab", "VENV=.venv"],
        cwd=REPOSITORY, env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    program, *arguments = shlex.split(line)
    assert program == ".venv/bin/jupyter"
    return [str(notebooks) if argument == "notebooks" else argument for argument in arguments]


def answers(server, url):
    assert server.poll() is None
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(url, timeout=TIMEOUT)


def wait_until(condition, sleep=lambda milliseconds: time.sleep(milliseconds / 1000)):
    """Wait; with a page, `sleep` must be the page's, because Playwright handles no events in Python's."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        sleep(200)


class Notebook:
    """A notebook in JupyterLab; `page` is Playwright's page, and `cells` locates all cells in order."""

    def __init__(self, page, lab, name):
        self.page, self.lab, self.path = page, lab, lab.notebooks / name
        page.set_default_timeout(60_000)
        self.panel = page.locator(".jp-NotebookPanel")
        self.cells = self.panel.locator(".jp-Notebook .jp-Cell")
        self.kernel = self.panel.locator(".jp-Notebook-ExecutionIndicator")

    def open(self):
        """Open the notebook without other tabs, and wait for its cells and for an idle kernel."""
        self.page.goto(f"{self.lab.address}/lab/tree/{self.path.name}?reset&token={self.lab.token}")
        self.wait_for_all_cells()
        self.wait_until(lambda: self.kernel_status() == "idle")

    def wait_for_all_cells(self):
        """Wait for the cells, which JupyterLab adds one after another."""
        number = len(json.loads(self.path.read_text())["cells"])
        self.wait_until(lambda: self.cells.count() == number)

    def wait_until(self, condition):
        wait_until(condition, self.page.wait_for_timeout)

    def kernel_status(self):
        """Return "idle", "busy", or, after a reload while the kernel was busy, "unknown"."""
        return self.kernel.get_attribute("data-status")

    def menu(self, menu, item):
        """Choose an item in a menu of the menu bar."""
        for kind, name in (".lm-MenuBar-itemLabel", menu), (".lm-Menu-itemLabel", item):
            self.page.locator(kind).filter(has_text=re.compile(f"^{name}$")).click()

    def toolbar(self, button):
        self.panel.get_by_role("button", name=button).first.click()

    def replace_word(self, cell, old, new):
        """Double-click a word in a cell and type another word."""
        word = self.cells.nth(cell).locator(".cm-line span").get_by_text(old, exact=True)
        word.dblclick()
        self.page.keyboard.type(new)

    def insert_below(self, cell, code):
        """Insert a cell with this code below, run it, and return its index."""
        self.cells.nth(cell).locator(".jp-InputPrompt").click()  # selects the cell
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Control+Enter")
        return cell + 1

    def prompts(self):
        """Return the prompts of the code cells, such as [1]: or, for a cell that waits or runs, [*]:."""
        return self.panel.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()

    def outputs(self, cell):
        """Return the texts of a cell's outputs; the text of a figure is empty."""
        return self.cells.nth(cell).locator(".jp-OutputArea-output").all_text_contents()

    def figures(self, cell):
        """Return the addresses of the figures in a cell's outputs."""
        return self.cells.nth(cell).locator(".jp-OutputArea-output img").evaluate_all("all => all.map(img => img.src)")

    def screenshot(self, name, cell=0):
        """Scroll to this cell and store a screenshot."""
        self.cells.nth(cell).evaluate("cell => cell.scrollIntoView()")
        expect(self.cells.nth(cell)).to_be_in_viewport(timeout=60_000)
        self.page.evaluate("() => new Promise(done => setTimeout(() => requestAnimationFrame(done), 500))")
        self.page.screenshot(path=SCREENSHOTS / "lab" / f"{name}.png")
