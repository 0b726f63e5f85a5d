"""Test the exit statuses of tests/install/debian/run.sh with stubs for root, the network, and debootstrap."""

import os
import re
import shutil
import subprocess

import pytest

from tests.conftest import REPOSITORY

NO_NETWORK = {
    "id": "echo 0",
    "unshare": 'shift; exec "$@"',
    "debootstrap": 'DEF_MIRROR="http://default.test/debian"',
    "wget": "exit 4",
    "apt-get": "",
    "apt-config": "",
}
NOT_STUBBED = ("bash", "sh", "env", "dirname", "awk", "grep", "mkdir", "sed", "tail")


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a copy of the script. A stub is the shell code of a command; None removes it."""

    def run(**stubs):
        copy = tmp_path / "checkout"
        shutil.copytree(REPOSITORY / "tests" / "install" / "debian", copy / "tests" / "install" / "debian")
        commands = tmp_path / "commands"
        commands.mkdir()
        for name, code in {**NO_NETWORK, **stubs}.items():
            if code is not None:
                (commands / name).write_text(f"#!/bin/sh\n{code}\n")
                (commands / name).chmod(0o755)
        for name in NOT_STUBBED:
            (commands / name).symlink_to(shutil.which(name))
        environment = {**os.environ, "PATH": str(commands), "SUITE": "forky"}
        return subprocess.run(
            [copy / "tests" / "install" / "debian" / "run.sh"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.mark.parametrize(
    ("stubs", "status", "expected"),
    [
        ({"id": "echo 1000"}, 1, "needs root"),
        ({"unshare": None}, 1, "apt install util-linux"),
        ({"debootstrap": None}, 75, "apt install debootstrap"),
        ({}, 75, "Debian forky could not be fetched from http://default.test/debian"),
        ({"apt-get": "echo 'Debian|main|http://mirror.test/debian'"}, 75, "from http://mirror.test/debian"),
    ],
)
def test_a_missing_tool_or_mirror_is_reported_in_one_sentence(run, is_one_sentence, stubs, status, expected):
    process = run(**stubs)
    assert process.returncode == status
    assert is_one_sentence(process.stderr.rstrip("\n"))
    assert expected in process.stderr


def test_a_failure_with_a_reachable_mirror_is_a_failure(run):
    process = run(wget="", mount="", debootstrap="echo No space left; exit 1")
    assert process.returncode == 1
    assert "No space left" in process.stderr


def test_a_mirror_that_fails_during_the_download_is_unreachable(run):
    process = run(wget="[ ! -e gone ]", mount="", debootstrap="echo > gone; exit 1")
    assert process.returncode == 75


def test_ci_runs_the_same_tests_on_the_newest_local_python():
    ci = (REPOSITORY / ".ci" / "run").read_text()
    script = (REPOSITORY / "tests" / "install" / "debian" / "run.sh").read_text()
    tests = re.search(r'TESTS="(.+)"', ci)[1]
    assert f"tests=${{TESTS:-{tests}}}\n" in script
