"""Test the check of the platform, the setup of an environment, and the container's files."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tools.install.check_platform import unsupported_reason
from tools.install.set_up import Installer, reason, uv_settings

SUPPORTED = {"system": "Linux", "machine": "x86_64", "libc": "glibc", "bits": 64, "version": (3, 11)}


@pytest.mark.parametrize(("system", "machine"), [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "x86_64")])
@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14), (4, 0)])
def test_platforms_with_a_wheel_are_supported(system, machine, version):
    libc = "glibc" if system == "Linux" else ""
    assert unsupported_reason(system, machine, libc, 64, version) is None


@pytest.mark.parametrize(
    ("platform", "name", "fix"),
    [
        ({"system": "Darwin", "machine": "arm64", "libc": ""}, "Apple silicon", "docker build"),
        ({"system": "Windows", "machine": "AMD64", "libc": ""}, "Windows", "in WSL"),
        ({"system": "Windows", "machine": "ARM64", "libc": ""}, "Windows", "in WSL"),
        ({"system": "Windows", "machine": "AMD64", "libc": "", "bits": 32}, "Windows", "in WSL"),
        ({"system": "MSYS_NT-10.0-22631", "libc": ""}, "Windows", "in WSL"),
        ({"system": "MINGW64_NT-10.0-22631", "libc": ""}, "Windows", "in WSL"),
        ({"system": "CYGWIN_NT-10.0", "libc": ""}, "Windows", "in WSL"),
        ({"machine": "ppc64le"}, "Linux on ppc64le", "Codespaces"),
        ({"machine": "riscv64"}, "Linux on riscv64", "Codespaces"),
        ({"machine": "i686", "bits": 32}, "Linux on i686", "Codespaces"),
        ({"machine": "armv7l", "bits": 32}, "Linux on armv7l", "Codespaces"),
        ({"system": "FreeBSD", "machine": "amd64", "libc": ""}, "FreeBSD on amd64", "Codespaces"),
        ({"bits": 32}, "32", "install one"),
        ({"machine": "aarch64", "bits": 32}, "32", "install one"),
        ({"libc": ""}, "musl", "docker build"),
        ({"libc": "musl", "machine": "aarch64"}, "musl", "docker build"),
        ({"version": (3, 10)}, "Python 3.10", "make PYTHON="),
        ({"version": (3, 6), "machine": "aarch64"}, "Python 3.6", "make PYTHON="),
    ],
)
def test_an_unsupported_platform_is_named_with_a_fix(platform, name, fix, is_one_sentence):
    message = unsupported_reason(**{**SUPPORTED, **platform})
    assert is_one_sentence(message)
    assert name in message and fix in message


def make(tmp_path, code):
    """Run `make` until it would create an environment, with a Python that runs the code at startup."""
    python = tmp_path / "python"
    (tmp_path / "sitecustomize.py").write_text(code)
    stop = '[ "$2" = tools.install.set_up ] && { echo set_up reached; exit 3; }'
    python.write_text(f'#!/bin/sh\n{stop}\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    venv = tmp_path / "venv"
    return subprocess.run(
        ["make", "--no-print-directory", "-C", REPOSITORY, f"PYTHON={python}", f"VENV={venv}", f"{venv}/installed"],
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
    )


def test_make_stops_on_an_unsupported_platform(tmp_path):
    run = make(tmp_path, "import platform; platform.system, platform.machine = lambda: 'Darwin', lambda: 'arm64'")
    message, error = run.stderr.rstrip("\n").split("\n")
    assert message == unsupported_reason("Darwin", "arm64", "")
    assert "Error 1" in error
    assert "set_up reached" not in run.stdout
    assert not (tmp_path / "venv").exists()


def test_make_continues_on_a_supported_platform(tmp_path):
    assert "set_up reached" in make(tmp_path, "").stdout


def set_up(venv, *arguments, python=sys.executable, **variables):
    command = [python, "-m", "tools.install.set_up", venv, *arguments]
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", **variables}
    return subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True)


def test_a_missing_network_is_reported_in_one_sentence(tmp_path, is_one_sentence):
    run = set_up(tmp_path / ".venv-of-a-test")
    assert run.returncode == 1
    assert is_one_sentence(run.stderr.rstrip("\n")), run.stderr
    assert "`make PYTHON=" in run.stderr or "`make WHEELS=folder`" in run.stderr


def test_a_missing_folder_of_wheels_is_named(tmp_path, is_one_sentence):
    run = set_up(tmp_path / "venv", "--wheels", tmp_path / "nowhere")
    assert is_one_sentence(run.stderr.rstrip("\n"))
    assert "nowhere" in run.stderr and "`make wheels DIR=folder`" in run.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv_is_reported(tmp_path, is_one_sentence):
    (tmp_path / "venv.py").write_text("raise SystemExit(1)")
    run = set_up(tmp_path / "venv", PYTHONPATH=str(tmp_path))
    assert is_one_sentence(run.stderr.rstrip("\n"))
    assert "apt install python3-venv" in run.stderr


def test_pip_installs_the_packages_if_uv_is_not_available(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Installer, "_run", lambda self, command: str(command[-1]).endswith("uv.lock"))
    monkeypatch.setattr("tools.install.set_up.ROOT", tmp_path)
    installer = Installer(tmp_path / ".venv")
    installer.create()
    assert installer.install[-2:] == ["pip", "install"]
    assert "pip installs the packages" in capsys.readouterr().out


def test_pips_message_without_a_network_is_not_taken_for_a_missing_wheel(tmp_path, is_one_sentence):
    (tmp_path / "setup.log").write_text(f"WARNING: Retrying (Retry(total=4)) after NewConnectionError\n{PIP_LOG}")
    message = reason(tmp_path / "setup.log")
    assert is_one_sentence(message)
    assert "check the network" in message


UV_LOG = """  cause: Because jaxlib==0.10.2 has no wheels with a matching Python ABI tag (e.g., `cp315`) and you require
      jaxlib==0.10.2, we can conclude that your requirements are unsatisfiable."""
PIP_LOG = "ERROR: No matching distribution found for jaxlib==0.10.2"


@pytest.mark.parametrize("log", [UV_LOG, PIP_LOG])
def test_a_missing_wheel_is_named_with_a_fix(tmp_path, log, is_one_sentence):
    (tmp_path / "setup.log").write_text(log)
    message = reason(tmp_path / "setup.log")
    assert is_one_sentence(message)
    assert "jaxlib==0.10.2 has no wheel" in message and "`make PYTHON=" in message


def test_pips_index_and_certificates_are_uvs_too(tmp_path, monkeypatch):
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://mirror.example/simple\ncert = /ca.pem\n")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    settings = uv_settings(sys.executable)
    assert settings["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert settings["SSL_CERT_FILE"] == "/ca.pem"


def test_a_missing_library_is_reported_in_one_sentence(tmp_path, is_one_sentence):
    (tmp_path / "sitecustomize.py").write_text("""
import ctypes
class CDLL(ctypes.CDLL):
    def __init__(self, name, *args, **kwargs):
        if str(name).endswith("libmxnet.so"):
            raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")
        super().__init__(name, *args, **kwargs)
ctypes.CDLL = CDLL
""")
    check = [sys.executable, REPOSITORY / "tools" / "install" / "check_import.py"]
    success = subprocess.run(check, capture_output=True, text=True, timeout=60)
    assert (success.returncode, success.stdout, success.stderr) == (0, "", "")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(check, env=environment, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (1, "")
    assert is_one_sentence(run.stderr.rstrip("\n"))
    assert "libgomp.so.1" in run.stderr and "apt install libgomp1" in run.stderr


DOCKERFILE = (REPOSITORY / "Dockerfile").read_text().replace("${VENV}", ".venv")  # the default


def test_the_container_test_runs_the_commands_of_the_dockerfile():
    script = (REPOSITORY / "tests" / "install" / "container" / "run.sh").read_text().splitlines()
    commands = re.findall("^RUN (.+)", DOCKERFILE, re.MULTILINE)
    assert len(commands) == 2
    assert "ARG VENV=.venv\n" in DOCKERFILE
    for command in commands:
        assert any(re.search(rf"\b(as_root|as_student) .*\b{re.escape(command)}\b", line) for line in script), command


def test_the_development_container_uses_the_first_stage_of_the_dockerfile():
    settings = json.loads((REPOSITORY / ".devcontainer" / "devcontainer.json").read_text())
    assert (REPOSITORY / ".devcontainer" / settings["build"]["dockerfile"]).resolve() == REPOSITORY / "Dockerfile"
    assert f" AS {settings['build']['target']}\n" in DOCKERFILE
    assert f"ARG NB_USER={settings['remoteUser']}\n" in DOCKERFILE
    assert f"RUN {settings['postCreateCommand']}\n" in DOCKERFILE


def test_the_image_ignores_the_same_files_as_git():
    def names(file):
        return {line.strip("/").removeprefix("**/") for line in (REPOSITORY / file).read_text().split()}

    assert names(".dockerignore") == names(".gitignore") | {".git"}
