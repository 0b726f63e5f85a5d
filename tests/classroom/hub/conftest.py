"""Fixtures that run the class server in a container with systemd."""

import json
import secrets
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.classroom.hub.browser import HUB, Browser
from tests.classroom.hub.systemd_container import REPOSITORY, SystemdContainer, skip_reason, wait_for

STUDENTS = [f"student{number:02}" for number in range(1, 21)]
TEACHER = "teacher01"
GIB = 2**30


@pytest.fixture(scope="session")
def proxy():
    """Install the proxy from its lock file, and remove it afterwards if it was not installed before."""
    if reason := skip_reason():
        pytest.skip(reason)
    modules = REPOSITORY / "classroom" / "node_modules"
    was_installed = modules.exists()
    if not was_installed:
        subprocess.run(["npm", "ci", "--silent"], cwd=modules.parent, check=True)
    yield
    if not was_installed:
        shutil.rmtree(modules)


@pytest.fixture(scope="session")
def container(proxy):
    """Return a container with the users of a class, in which the hub runs as a systemd service."""
    with SystemdContainer() as container, container.join_network():
        container.run("groupadd", "students")
        container.run("groupadd", "teachers")
        container.passwords = {name: secrets.token_hex(8) for name in [*STUDENTS, TEACHER, "stranger"]}
        for name in container.passwords:
            groups = {"student": "students", "teacher": "teachers"}.get(name[:7], "nogroup")
            container.run("useradd", "--create-home", "--shell", "/bin/bash", "--groups", groups, name)
        for name, password in container.passwords.items():
            container.run("bash", "-c", f"echo {name}:{password} | chpasswd")
        container.run("install", "-d", "-m", "1777", "/srv/nbgrader/exchange")
        container.write(
            "/etc/jupyterhub.env",
            f"JPY_COOKIE_SECRET={secrets.token_hex(32)}\nCONFIGPROXY_AUTH_TOKEN={secrets.token_hex(32)}\n",
        )
        unit = (REPOSITORY / "classroom" / "jupyterhub.service").read_text()
        unit = unit.replace("/srv/deep-rnn/.venv-classroom", sys.prefix).replace("/srv/deep-rnn", str(REPOSITORY))
        container.write("/mnt/units/jupyterhub.service", unit)
        container.run("systemctl", "daemon-reload")
        container.run("systemctl", "start", "jupyterhub")
        wait_for(hub_is_up)
        yield container


def hub_is_up():
    """Return whether the hub responds through the proxy."""
    try:
        return requests.get(f"{HUB}/hub/health", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture(scope="session")
def students(container):
    """Return a dictionary from the names of twenty students to browsers that are logged in."""
    browsers = {name: Browser(name, container.passwords[name]) for name in STUDENTS}
    for browser in browsers.values():
        browser.log_in()
    return browsers


@pytest.fixture(scope="session")
def servers(container, students):
    """Start the servers of all students at the same time, and return the browsers."""
    _, container.seconds_to_start = run_concurrently(Browser.start_server, students)
    units = map(unit_name, students)
    container.usage_after_start = [(container.cpu_seconds(unit), container.memory(unit)) for unit in units]
    return students


@pytest.fixture(scope="session")
def kernels(servers):
    """Start a kernel for every student, and return a dictionary from names to kernel IDs."""
    return {name: browser.start_kernel() for name, browser in servers.items()}


@pytest.fixture
def report(capsys):
    """Return a function that prints a measurement even if pytest captures output."""

    def print_uncaptured(text):
        with capsys.disabled():
            print(f"\n{text}", flush=True)

    return print_uncaptured


def first_cells():
    """Return the code of a typical session: the first cells of the original notebook and two epochs of training."""
    notebook = json.loads((REPOSITORY / "notebooks" / "deep-rnn.ipynb").read_text())
    cells = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"}
    before = [cells[name] for name in ("cell-05", "cell-06", "cell-08", "cell-10", "cell-12")]
    return [*before, f"num_epochs, pred_period = 2, 2\n{cells['cell-14']}"]


def unit_name(name):
    """Return the name of the systemd unit of a user's server."""
    return f"jupyter-{name}-singleuser"


def run_concurrently(function, browsers):
    """Call a function with each browser at the same time.

    Returns:
        A dictionary from names to results, and the elapsed seconds.
    """
    start = time.monotonic()
    with ThreadPoolExecutor(len(browsers)) as pool:  # new threads inherit the network namespace
        results = dict(zip(browsers, pool.map(function, browsers.values()), strict=True))
    return results, time.monotonic() - start
