"""JupyterLab in a browser: the server that `make lab` starts, and one notebook as a student handles it."""

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

PATIENCE = 200  # seconds until something counts as what never comes, on a busy machine, too


@contextlib.contextmanager
def jupyter_lab(folder):
    """JupyterLab on a copy of the notebooks, without a browser; gives its address, token and notebooks (a Path)."""
    notebooks = folder / "notebooks"
    shutil.copytree(REPOSITORY / "notebooks", notebooks, ignore=shutil.ignore_patterns("*-runs", ".ipynb_checkpoints"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    # Settings, workspaces and signatures of whoever runs the tests are left alone.
    homes = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [Path(sys.executable).parent / "jupyter", *arguments_of_make_lab(notebooks)]
    command += ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={token}"]
    environment = os.environ | homes | {"PYTHONPATH": str(REPOSITORY)}
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(functools.partial(answers, server, f"{address}/api"))
        yield SimpleNamespace(address=address, token=token, notebooks=notebooks)
    finally:
        server.terminate()  # which ends its kernels; they end, too, where it is killed
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()


def shut_down_kernels(lab):
    """End the kernels that this JupyterLab has started."""

    def ask(path, **method):
        headers = {"Authorization": f"token {lab.token}"}
        request = urllib.request.Request(f"{lab.address}/api/kernels{path}", headers=headers, **method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.read()

    for kernel in json.loads(ask("")):
        ask(f"/{kernel['id']}", method="DELETE")


def arguments_of_make_lab(notebooks):
    """What `make lab` says to `jupyter`, with another folder of notebooks."""
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
        return urllib.request.urlopen(url, timeout=PATIENCE)


def wait_until(condition, sleep=lambda milliseconds: time.sleep(milliseconds / 1000)):
    """Playwright hears nothing of the page in Python's sleep: there, sleep is the page's."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        sleep(200)


class Notebook:
    """A notebook that is open in JupyterLab. page: Playwright's; cells: a locator of them all, in order."""

    def __init__(self, page, lab, name):
        self.page, self.lab, self.path = page, lab, lab.notebooks / name
        page.set_default_timeout(60_000)
        self.panel = page.locator(".jp-NotebookPanel")
        self.cells = self.panel.locator(".jp-Notebook .jp-Cell")
        self.kernel = self.panel.locator(".jp-Notebook-ExecutionIndicator")

    def open(self):
        """Open it without other tabs, and wait until its kernel is idle and its last cell is there."""
        self.page.goto(f"{self.lab.address}/lab/tree/{self.path.name}?reset&token={self.lab.token}")
        self.wait_until_whole()
        self.wait_until(lambda: self.kernel_status() == "idle")

    def wait_until_whole(self):
        """JupyterLab attaches cells when it has time."""
        number = len(json.loads(self.path.read_text())["cells"])
        self.wait_until(lambda: self.cells.count() == number)

    def wait_until(self, condition):
        wait_until(condition, self.page.wait_for_timeout)

    def kernel_status(self):
        """idle, busy, or unknown: what a page knows that found it busy."""
        return self.kernel.get_attribute("data-status")

    def menu(self, menu, item):
        """Choose an item of a menu of the menu bar."""
        for kind, name in (".lm-MenuBar-itemLabel", menu), (".lm-Menu-itemLabel", item):
            self.page.locator(kind).filter(has_text=re.compile(f"^{name}$")).click()

    def toolbar(self, button):
        self.panel.get_by_role("button", name=button).first.click()

    def replace_word(self, cell, old, new):
        """Double-click a word in a cell and type another one."""
        word = self.cells.nth(cell).locator(".cm-line span").get_by_text(old, exact=True)
        word.dblclick()
        self.page.keyboard.type(new)

    def insert_below(self, cell, code):
        """Type code into a new cell below this one and run it; gives the number of the new cell."""
        self.cells.nth(cell).locator(".jp-InputPrompt").click()  # which selects it
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Control+Enter")
        return cell + 1

    def prompts(self):
        """What stands beside the code cells: [1]: where it has run, [*]: where it waits or runs."""
        return self.panel.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()

    def outputs(self, cell):
        """The texts of a cell's outputs, empty where one is a picture."""
        return self.cells.nth(cell).locator(".jp-OutputArea-output").all_text_contents()

    def pictures(self, cell):
        """The addresses of the pictures in a cell's outputs."""
        return self.cells.nth(cell).locator(".jp-OutputArea-output img").evaluate_all("all => all.map(img => img.src)")

    def screenshot(self, name, cell=0):
        """A picture of the page, scrolled to this cell, in the screenshots' folder."""
        self.cells.nth(cell).evaluate("cell => cell.scrollIntoView()")
        expect(self.cells.nth(cell)).to_be_in_viewport(timeout=60_000)
        self.page.evaluate("() => new Promise(done => setTimeout(() => requestAnimationFrame(done), 500))")
        self.page.screenshot(path=SCREENSHOTS / "lab" / f"{name}.png")
