"""Test the server with a class of twenty students: real users, passwords, limits, files, and sockets."""

import contextlib
import csv
import io
import json
import time

import pytest
import requests
import websocket

from tests.classroom.hub.browser import KERNEL_DIED, Browser
from tests.classroom.hub.conftest import GIB, STUDENTS, TEACHER, first_cells, hub_is_up, run_concurrently, unit_name
from tests.classroom.hub.systemd_container import REPOSITORY, wait_for

ASSIGNMENT = "hello"


def test_twenty_students_run_the_first_cells_and_a_training(container, servers, kernels, report):
    cells = first_cells()
    printed, seconds = run_concurrently(
        lambda browser: [browser.run(kernels[browser.name], cell) for cell in cells], servers
    )
    for name, outputs in printed.items():
        assert outputs[0] == "", (name, outputs)
        assert "10000 characters, 43 different ones" in outputs[1], name
        assert "epoch 2, perplexity 21" in outputs[-1], (name, outputs[-1])
    units = [unit_name(name) for name in servers]
    cpu_after_start, memory_after_start = (
        sum(values) / 20 for values in zip(*container.usage_after_start, strict=True)
    )
    cpu = sum(map(container.cpu_seconds, units)) / 20
    memory = sum(map(container.memory, units)) / GIB
    max_memory = max(container.memory(unit, "memory.max_usage_in_bytes") for unit in units) / GIB
    hub_cpu, hub_memory = container.cpu_seconds("jupyterhub"), container.memory("jupyterhub") / GIB
    report(
        f"Twenty servers: {container.seconds_to_start:.0f} s until all were ready; "
        f"{cpu_after_start:.1f} CPU seconds and {memory_after_start / GIB:.2f} GiB each.\n"
        f"First cells and two epochs: {seconds:.0f} s until all finished; "
        f"{cpu:.1f} CPU seconds (with the start) and {memory / 20:.2f} GiB each, at most {max_memory:.2f} GiB.\n"
        f"Hub and proxy: {hub_cpu:.0f} CPU seconds, {hub_memory:.2f} GiB."
    )
    assert max_memory < 1


def test_students_have_all_notebooks_and_as_many_threads_as_the_cpu_limit(servers, kernels):
    printed = servers["student10"].run(
        kernels["student10"], "import os, glob; print(len(glob.glob('*.ipynb')), os.environ['OMP_NUM_THREADS'])"
    )
    num_notebooks = len(list((REPOSITORY / "notebooks").glob("*.ipynb")))
    assert printed == f"{num_notebooks} 1\n"


def test_twenty_submissions_reach_the_teacher_and_are_graded(container, servers):
    teacher = Browser(TEACHER, container.passwords[TEACHER])
    teacher.log_in()
    teacher.start_server()
    kernel = teacher.start_kernel()
    code = f"""from pathlib import Path
source = Path.home() / 'course/source/{ASSIGNMENT}'
source.mkdir(parents=True)
(source / '{ASSIGNMENT}.ipynb').write_text({json.dumps(create_assignment())!r})"""
    teacher.run(kernel, code)
    printed = teacher.run(
        kernel, f"!nbgrader generate_assignment {ASSIGNMENT} && nbgrader release_assignment {ASSIGNMENT}"
    )
    assert "Released as" in printed, printed

    def submit(browser):
        assignment = {"course_id": "deep-rnn", "assignment_id": ASSIGNMENT}
        assert browser.request_server("POST", "/assignments/fetch", **assignment)["success"]
        path = f"/api/contents/{ASSIGNMENT}/{ASSIGNMENT}.ipynb"
        notebook = browser.request_server("GET", path)["content"]
        number = int(browser.name[-2:])
        notebook["cells"][0]["source"] = f"def number():\n    return {number % 2}  # {browser.name}"
        browser.request_server("PUT", path, type="notebook", content=notebook)
        response = browser.request_server("POST", "/assignments/submit", **assignment)
        assert response["success"], response

    run_concurrently(submit, servers)
    printed = teacher.run(kernel, f"!nbgrader collect {ASSIGNMENT}")
    for name in STUDENTS:
        file = f"/home/{TEACHER}/course/submitted/{name}/{ASSIGNMENT}/{ASSIGNMENT}.ipynb"
        assert f"# {name}" in container.run("cat", file).stdout, printed
    printed = teacher.run(kernel, f"!nbgrader autograde {ASSIGNMENT} && cd ~/course && nbgrader export")
    grades = container.run("cat", f"/home/{TEACHER}/course/grades.csv", check=False).stdout
    rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(io.StringIO(grades))}
    assert rows == {name: float(name[-1] in "13579") for name in STUDENTS}, printed


def create_assignment():
    """Return a minimal assignment with one answer and one test."""

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


def test_a_killed_server_restarts_with_all_saved_work(container, servers):
    browser = servers["student04"]
    browser.request_server(
        "PUT", "/api/contents/notebooks/work.txt", type="file", format="text", content="an hour of work"
    )
    notebook = browser.request_server("GET", "/api/contents/notebooks/deep-rnn.ipynb")["content"]
    notebook["cells"][0]["source"] = "# Changed by student04"
    browser.request_server("PUT", "/api/contents/notebooks/deep-rnn.ipynb", type="notebook", content=notebook)
    before = container.main_pid(unit_name(browser.name))
    container.run("systemctl", "kill", "--signal=KILL", unit_name(browser.name))
    wait_for(lambda: container.main_pid(unit_name(browser.name)) == "0")
    browser.start_server()
    assert container.main_pid(unit_name(browser.name)) not in ("0", before)
    assert browser.request_server("GET", "/api/contents/notebooks/work.txt")["content"] == "an hour of work"
    notebook = browser.request_server("GET", "/api/contents/notebooks/deep-rnn.ipynb")["content"]
    assert notebook["cells"][0]["source"] == "# Changed by student04"


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_a_restart_of_the_hub_keeps_all_servers_running(container, servers, kernels, signal):
    names = [name for name in servers if name != "student04"]
    before = {name: container.main_pid(unit_name(name)) for name in names}
    for name in names[:3]:
        servers[name].run(kernels[name], "variable = 'by ' + __import__('os').environ['USER']")
    if signal == "TERM":
        container.run("systemctl", "stop", "jupyterhub")
        wait_for(lambda: not hub_is_up())
        # Students can keep working because their servers cache the check of their tokens.
        assert servers[names[0]].run(kernels[names[0]], "print(variable)") == f"by {names[0]}\n"
        container.run("systemctl", "start", "jupyterhub")
    else:
        container.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "jupyterhub")
    wait_for(hub_is_up)
    for name in names:
        wait_for(servers[name].is_ready)
    assert {name: container.main_pid(unit_name(name)) for name in names} == before
    for name in names[:3]:
        assert servers[name].run(kernels[name], "print(variable)") == f"by {name}\n"


def run_hello(browser, kernel):
    """Return what a kernel prints, or None on a timeout, because a restarting kernel loses requests."""
    with contextlib.suppress(websocket.WebSocketTimeoutException):
        return browser.run(kernel, "print('hello')", timeout=10)


def test_a_kernel_that_exceeds_the_memory_limit_is_killed_but_not_its_server(container, servers):
    browser = servers["student05"]
    before = container.main_pid(unit_name(browser.name))
    kernel = browser.start_kernel()
    assert browser.run(kernel, "data = b'x' * (3 * 2**30)") == KERNEL_DIED
    assert wait_for(lambda: run_hello(browser, kernel)) == "hello\n"
    assert container.main_pid(unit_name(browser.name)) == before
    assert container.memory(unit_name(browser.name), "memory.max_usage_in_bytes") <= GIB


def test_two_busy_processes_share_one_cpu(container, servers):
    browser = servers["student06"]
    code = """import multiprocessing, time
def busy(end):
    while time.time() < end: pass
end = time.time() + 6
processes = [multiprocessing.Process(target=busy, args=(end,)) for _ in range(2)]
for process in processes: process.start()
for process in processes: process.join()
print('done')"""
    kernel = browser.start_kernel()
    browser.run(kernel, "1")
    before, start = container.cpu_seconds(unit_name(browser.name)), time.monotonic()
    assert browser.run(kernel, code) == "done\n"
    used, elapsed = container.cpu_seconds(unit_name(browser.name)) - before, time.monotonic() - start
    assert used < 1.15 * elapsed
    assert container.read_cgroup(unit_name(browser.name), "cpu", "cpu.cfs_quota_us") == "100000\n"


def test_a_fork_bomb_stops_at_the_limit_of_processes(servers):
    browser = servers["student07"]
    code = """import subprocess
processes = []
try:
    for _ in range(400): processes.append(subprocess.Popen(['sleep', '60']))
except OSError as error:
    print(type(error).__name__, len(processes) < 256)
for process in processes: process.kill()"""
    assert browser.run(browser.start_kernel(), code) == "BlockingIOError True\n"


def test_all_ports_listen_only_on_loopback(container, servers):
    addresses = [line.split()[4] for line in container.run("ss", "-lntuH").stdout.splitlines()]
    assert len(addresses) > len(STUDENTS)
    assert [address for address in addresses if not address.startswith(("127.0.0.1:", "[::1]:"))] == []


def test_only_idle_servers_are_stopped(container, servers):
    active, idle = servers["student08"], servers["student09"]
    environment = container.run("cat", "/etc/jupyterhub.env").stdout
    container.write("/etc/jupyterhub.env", f"{environment}HUB_IDLE_MINUTES=0.25\n")
    container.run("systemctl", "restart", "jupyterhub")
    wait_for(hub_is_up)
    active.request("DELETE", f"/hub/api/users/{active.name}/server").raise_for_status()
    active.start_server()
    start = time.monotonic()

    def has_stopped():
        active.request_server("GET", "/api/status")
        return not idle.is_ready() and time.monotonic() > start + 3 * 15

    wait_for(has_stopped, seconds=120, pause=3)
    assert active.is_ready(), "active for three times the idle timeout"


def test_with_a_certificate_the_hub_uses_tls(container, servers):
    key, certificate = "/etc/jupyterhub-key.pem", "/etc/jupyterhub-certificate.pem"
    container.run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
    )  # fmt: skip
    environment = container.run("cat", "/etc/jupyterhub.env").stdout
    address = "https://127.0.0.1:8443"
    settings = f"HUB_ADDRESS={address}\nHUB_TLS_KEY={key}\nHUB_TLS_CERTIFICATE={certificate}\n"
    container.write("/etc/jupyterhub.env", environment + settings)
    container.run("systemctl", "restart", "jupyterhub")
    wait_for(lambda: container.run("ss", "-ltnH", "sport = 8443").stdout)
    ca_file = f"/proc/{container.pid}/root{certificate}"
    response = wait_for(lambda: get_page(f"{address}/hub/login", ca_file))
    assert "Sign in" in response.text
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{address}/hub/login", timeout=5)


def get_page(address, ca_file):
    """Return the response of a server whose certificate is in a file, or None if the server is not ready."""
    with contextlib.suppress(requests.exceptions.ConnectionError):
        response = requests.get(address, verify=ca_file, timeout=5)
        return response if response.ok else None
