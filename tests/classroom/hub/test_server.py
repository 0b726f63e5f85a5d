"""A class of twenty at work on the server, for real: real users, passwords, limits, files and sockets."""

import contextlib
import csv
import io
import json
import time

import pytest
import requests
import websocket

from tests.classroom.hub.browser import DIED, Browser
from tests.classroom.hub.conftest import (
    GIB,
    STUDENTS,
    TEACHER,
    all_at_once,
    first_cells,
    hub_answers,
    unit_of,
)  # fmt: skip
from tests.classroom.hub.machine import wait_for

ASSIGNMENT = "hello"


def test_twenty_students_run_the_first_cells_and_a_training(machine, servers, kernels, tell):
    cells = first_cells()
    printed, seconds = all_at_once(
        lambda browser: [browser.run(kernels[browser.name], cell) for cell in cells], servers
    )
    for name, outputs in printed.items():
        assert outputs[0] == "", (name, outputs)
        assert "10000 characters, 43 different ones" in outputs[1], name
        assert "epoch 2, perplexity 21" in outputs[-1], (name, outputs[-1])
    started, idle = (sum(values) / 20 for values in zip(*machine.after_start.values(), strict=True))
    used = sum(machine.processor_seconds(unit_of(name)) for name in servers) / 20
    memory = [machine.unit(unit_of(name), "memory", "memory.usage_in_bytes") / GIB for name in servers]
    most = [machine.unit(unit_of(name), "memory", "memory.max_usage_in_bytes") / GIB for name in servers]
    hub = machine.processor_seconds("jupyterhub"), machine.unit("jupyterhub", "memory", "memory.usage_in_bytes") / GIB
    tell(
        f"Twenty servers: {machine.seconds_to_start:.0f} s until the last was ready, {started:.1f} processor seconds "
        f"and {idle / GIB:.2f} GiB each.\nFirst cells and two epochs: {seconds:.0f} s until the last was done; by then "
        f"{used:.1f} processor seconds and {sum(memory) / 20:.2f} GiB each, at most {max(most):.2f}, together "
        f"{sum(memory):.1f}.\nHub and proxy: {hub[0]:.0f} processor seconds, {hub[1]:.2f} GiB."
    )
    assert max(most) < 1


def test_each_student_has_the_notebooks_and_the_threads_of_the_limit(servers, kernels):
    printed = servers["student10"].run(
        kernels["student10"], "import os, glob; print(len(glob.glob('*.ipynb')), os.environ['OMP_NUM_THREADS'])"
    )
    assert printed == "9 1\n"


def test_twenty_submissions_reach_the_teacher_and_are_graded(machine, servers):
    teacher = Browser(TEACHER, machine.passwords[TEACHER])
    teacher.log_in()
    teacher.start_server()
    kernel = teacher.start_kernel()
    source = (
        f"import pathlib; folder = pathlib.Path.home() / 'course/source/{ASSIGNMENT}'; folder.mkdir(parents=True)\n"
    )
    teacher.run(kernel, source + f"(folder / '{ASSIGNMENT}.ipynb').write_text({json.dumps(assignment())!r})")
    printed = teacher.run(
        kernel, f"!nbgrader generate_assignment {ASSIGNMENT} && nbgrader release_assignment {ASSIGNMENT}"
    )
    assert "Released as" in printed, printed

    def hand_in(browser):
        what = {"course_id": "deep-rnn", "assignment_id": ASSIGNMENT}
        assert browser.ask("POST", "/assignments/fetch", **what)["success"]
        path = f"/api/contents/{ASSIGNMENT}/{ASSIGNMENT}.ipynb"
        notebook = browser.ask("GET", path)["content"]
        number = int(browser.name[-2:])
        notebook["cells"][0]["source"] = f"def number():\n    return {number % 2}  # {browser.name}"
        browser.ask("PUT", path, type="notebook", content=notebook)
        answer = browser.ask("POST", "/assignments/submit", **what)
        assert answer["success"], answer

    all_at_once(hand_in, servers)
    printed = teacher.run(kernel, f"!nbgrader collect {ASSIGNMENT}")
    for name in STUDENTS:
        file = f"/home/{TEACHER}/course/submitted/{name}/{ASSIGNMENT}/{ASSIGNMENT}.ipynb"
        assert f"# {name}" in machine.run("cat", file).stdout, printed
    printed = teacher.run(kernel, f"!nbgrader autograde {ASSIGNMENT} && cd ~/course && nbgrader export")
    grades = machine.run("cat", f"/home/{TEACHER}/course/grades.csv", check=False).stdout
    rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(io.StringIO(grades))}
    assert rows == {name: float(name[-1] in "13579") for name in STUDENTS}, printed


def assignment():
    """The smallest assignment: one answer, one test of it."""

    def cell(name, source, **settings):
        settings = {
            "grade_id": name,
            "schema_version": 3,
            "locked": True,
            "grade": False,
            "solution": False,
            **settings,
        }
        return {
            "cell_type": "code", "id": name, "metadata": {"nbgrader": {**settings, "task": False}},
            "source": source, "outputs": [], "execution_count": None,
        }  # fmt: skip

    answer = "def number():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
    return {
        "nbformat": 4, "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}},
        "cells": [
            cell("answer", answer, solution=True, locked=False),
            cell("test-answer", "assert number() == 1", grade=True, points=1),
        ],
    }  # fmt: skip


def test_a_killed_server_comes_back_with_the_work_saved(machine, servers):
    browser = servers["student04"]
    browser.ask("PUT", "/api/contents/notebooks/work.txt", type="file", format="text", content="an hour of work")
    notebook = browser.ask("GET", "/api/contents/notebooks/deep-rnn.ipynb")["content"]
    notebook["cells"][0]["source"] = "# Changed by student04"
    browser.ask("PUT", "/api/contents/notebooks/deep-rnn.ipynb", type="notebook", content=notebook)
    before = machine.main_process(unit_of(browser.name))
    machine.run("systemctl", "kill", "--signal=KILL", unit_of(browser.name))
    wait_for(lambda: machine.main_process(unit_of(browser.name)) == "0")
    browser.start_server()
    assert machine.main_process(unit_of(browser.name)) not in ("0", before)
    assert browser.ask("GET", "/api/contents/notebooks/work.txt")["content"] == "an hour of work"
    notebook = browser.ask("GET", "/api/contents/notebooks/deep-rnn.ipynb")["content"]
    assert notebook["cells"][0]["source"] == "# Changed by student04"


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_the_hub_restarted_mid_class_loses_no_server(machine, servers, kernels, signal):
    names = [name for name in servers if name != "student04"]
    before = {name: machine.main_process(unit_of(name)) for name in names}
    for name in names[:3]:
        servers[name].run(kernels[name], "kept = 'by ' + __import__('os').environ['USER']")
    if signal == "TERM":
        machine.run("systemctl", "stop", "jupyterhub")
        wait_for(lambda: not hub_answers())
        # A student who is at work does not notice: their programs' token was checked by the server a moment ago.
        assert servers[names[0]].run(kernels[names[0]], "print(kept)") == f"by {names[0]}\n"
        machine.run("systemctl", "start", "jupyterhub")
    else:
        machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "jupyterhub")
    wait_for(hub_answers)
    for name in names:
        wait_for(servers[name].is_ready)
    assert {name: machine.main_process(unit_of(name)) for name in names} == before
    for name in names[:3]:
        assert servers[name].run(kernels[name], "print(kept)") == f"by {name}\n"


def answer_in_time(browser, kernel):
    """What a kernel answers, or None: a kernel that is just starting anew loses what it is asked."""
    with contextlib.suppress(websocket.WebSocketTimeoutException):
        return browser.run(kernel, "print('again')", timeout=10)


def test_a_greedy_kernel_is_ended_at_the_limit_and_its_server_goes_on(machine, servers):
    browser = servers["student05"]
    before = machine.main_process(unit_of(browser.name))
    kernel = browser.start_kernel()
    assert browser.run(kernel, "everything = b'x' * (3 * 2**30)") == DIED
    assert wait_for(lambda: answer_in_time(browser, kernel)) == "again\n"
    assert machine.main_process(unit_of(browser.name)) == before
    assert machine.unit(unit_of(browser.name), "memory", "memory.max_usage_in_bytes") <= GIB


def test_two_busy_processes_get_one_processor_together(machine, servers):
    browser = servers["student06"]
    code = "import multiprocessing, time\ndef busy(end):\n    while time.time() < end: pass\n"
    code += "end = time.time() + 6; ps = [multiprocessing.Process(target=busy, args=(end,)) for _ in range(2)]\n"
    code += "[p.start() for p in ps]; [p.join() for p in ps]; print('done')"
    kernel = browser.start_kernel()
    browser.run(kernel, "1")
    before, start = machine.processor_seconds(unit_of(browser.name)), time.monotonic()
    assert browser.run(kernel, code) == "done\n"
    used, took = machine.processor_seconds(unit_of(browser.name)) - before, time.monotonic() - start
    assert used < 1.15 * took
    assert machine.unit(unit_of(browser.name), "cpu", "cpu.cfs_quota_us") == 100_000


def test_a_fork_bomb_ends_at_its_own_limit(servers):
    browser = servers["student07"]
    code = (
        "import subprocess\ntry:\n    ps = []\n    for i in range(400): ps.append(subprocess.Popen(['sleep', '60']))\n"
    )
    code += "except OSError as error:\n    print(type(error).__name__, len(ps) < 256)\nfor p in ps: p.kill()"
    assert browser.run(browser.start_kernel(), code) == "BlockingIOError True\n"


def test_nothing_listens_beyond_loopback(machine, servers):
    addresses = [line.split()[4] for line in machine.run("ss", "-lntuH").stdout.splitlines()]
    assert len(addresses) > len(STUDENTS)
    assert [address for address in addresses if not address.startswith(("127.0.0.1:", "[::1]:"))] == []


def test_a_server_that_nobody_uses_stops_and_one_in_use_does_not(machine, servers):
    browser, other = servers["student08"], servers["student09"]
    environment = machine.run("cat", "/etc/jupyterhub.env").stdout
    machine.write("/etc/jupyterhub.env", f"{environment}HUB_IDLE_MINUTES=0.25\n")
    machine.run("systemctl", "restart", "jupyterhub")
    wait_for(hub_answers)
    browser.call("DELETE", f"/hub/api/users/{browser.name}/server").raise_for_status()
    browser.start_server()
    start = time.monotonic()

    def has_stopped():
        browser.ask("GET", "/api/status")
        return not other.is_ready() and time.monotonic() > start + 3 * 15

    wait_for(has_stopped, seconds=120, pause=3)
    assert browser.is_ready(), "in use three times as long as an unused one is kept"


def test_with_a_certificate_it_listens_with_tls(machine, servers):
    key, certificate = "/etc/jupyterhub-key.pem", "/etc/jupyterhub-certificate.pem"
    machine.run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
    )  # fmt: skip
    environment = machine.run("cat", "/etc/jupyterhub.env").stdout
    address = "https://127.0.0.1:8443"
    settings = f"HUB_ADDRESS={address}\nHUB_TLS_KEY={key}\nHUB_TLS_CERTIFICATE={certificate}\n"
    machine.write("/etc/jupyterhub.env", environment + settings)
    machine.run("systemctl", "restart", "jupyterhub")
    wait_for(lambda: machine.run("ss", "-ltnH", "sport = 8443").stdout)
    trusted = f"/proc/{machine.pid}/root{certificate}"
    answer = wait_for(lambda: asked(f"{address}/hub/login", trusted))
    assert "Sign in" in answer.text
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{address}/hub/login", timeout=5)


def asked(address, trusted):
    """The answer of a server whose certificate is trusted, or None where there is none yet."""
    with contextlib.suppress(requests.exceptions.ConnectionError):
        answer = requests.get(address, verify=trusted, timeout=5)
        return answer if answer.ok else None
