"""What the hub's configuration refuses before anything starts, and what a student's server does first."""

import os
import runpy
import secrets

import pytest
from traitlets.config import PyFileConfigLoader

from tests.classroom.hub.machine import REPOSITORY

SECRETS = ("JPY_COOKIE_SECRET", "CONFIGPROXY_AUTH_TOKEN")


@pytest.fixture
def load(monkeypatch, tmp_path):
    """A function that gives the configuration for variables in the environment; those set to None are missing."""

    def configuration(**variables):
        variables = {name: secrets.token_hex(32) for name in SECRETS} | {"HUB_STATE": str(tmp_path / "hub")} | variables
        for name in [*SECRETS, *(name for name in os.environ if name.startswith("HUB_"))]:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return PyFileConfigLoader("jupyterhub_config.py", path=str(REPOSITORY / "classroom")).load_config()

    return configuration


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", [None, "", "secret", "0" * 62, "x" * 64])
def test_without_a_secret_nothing_starts(load, is_one_sentence, name, value):
    with pytest.raises(SystemExit) as stop:
        load(**{name: value})
    assert is_one_sentence(str(stop.value))
    assert str(stop.value).startswith(name)
    assert "openssl rand -hex 32" in str(stop.value)


@pytest.mark.parametrize("address", ["http://0.0.0.0:8000", "http://:8000", "https://0.0.0.0:443", "http://[::]:8000"])
def test_beyond_loopback_there_is_tls_or_nothing(load, is_one_sentence, address):
    for variables in {}, {"HUB_TLS_KEY": "key.pem"}, {"HUB_TLS_CERTIFICATE": "certificate.pem"}:
        with pytest.raises(SystemExit) as stop:
            load(HUB_ADDRESS=address, **variables)
        assert is_one_sentence(str(stop.value))
        assert address in str(stop.value)
    config = load(HUB_ADDRESS=address, HUB_TLS_KEY="key.pem", HUB_TLS_CERTIFICATE="certificate.pem")
    assert config.JupyterHub.bind_url == address
    assert config.JupyterHub.ssl_key == "key.pem"


@pytest.mark.parametrize("address", [None, "http://127.0.0.1:9000", "http://localhost:8000", "http://[::1]:8000"])
def test_on_loopback_it_starts_without_tls(load, address):
    assert load(HUB_ADDRESS=address).JupyterHub.bind_url == (address or "http://127.0.0.1:8000")


@pytest.mark.parametrize(("processors", "threads"), [(None, "1"), ("0.5", "1"), ("1", "1"), ("2.5", "2"), ("4", "4")])
def test_the_number_of_threads_fits_the_processor_limit(load, processors, threads):
    config = load(HUB_PROCESSORS=processors)
    assert config.Spawner.environment["OMP_NUM_THREADS"] == threads
    assert config.SystemdSpawner.cpu_limit == float(processors or 1)


@pytest.mark.parametrize("name", ["HUB_PROCESSORS", "HUB_MEMORY_GIB", "HUB_IDLE_MINUTES"])
@pytest.mark.parametrize("value", ["", "0", "-1", "many", "nan", "inf"])
def test_a_limit_that_is_none_is_refused(load, is_one_sentence, name, value):
    with pytest.raises(SystemExit) as stop:
        load(**{name: value})
    assert is_one_sentence(str(stop.value))
    assert name in str(stop.value)
    assert repr(value) in str(stop.value)


def test_who_is_let_in_is_a_user_of_the_machine_in_one_of_two_groups(load):
    config = load()
    assert config.JupyterHub.authenticator_class == "pam"
    assert config.PAMAuthenticator.allowed_groups == {"students", "teachers"}
    assert "allow_all" not in config.PAMAuthenticator
    assert "allow_all" not in config.Authenticator


def test_what_the_hub_remembers_is_readable_for_root_alone(load, tmp_path):
    (tmp_path / "hub").mkdir(mode=0o755)
    load()
    assert (tmp_path / "hub").stat().st_mode & 0o777 == 0o700


@pytest.fixture
def bring():
    """The function that brings a student the notebooks."""
    return runpy.run_path(str(REPOSITORY / "classroom" / "student_server.py"))["bring"]


def test_a_notebook_that_a_student_has_is_never_written_again_and_new_ones_appear(bring, tmp_path):
    originals, folder = tmp_path / "originals", tmp_path / "notebooks"
    originals.mkdir()
    (originals / "one.ipynb").write_text("first")
    (originals / "solution.txt").write_text("no notebook")
    assert bring(originals, folder) == ["one.ipynb"]
    (folder / "one.ipynb").write_text("an hour of work")
    (originals / "one.ipynb").write_text("first, corrected")
    (originals / "two.ipynb").write_text("second")
    assert bring(originals, folder) == ["two.ipynb"]
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        "one.ipynb": "an hour of work",
        "two.ipynb": "second",
    }


def test_a_link_that_leads_nowhere_is_left_alone(bring, tmp_path):
    originals, folder = tmp_path / "originals", tmp_path / "notebooks"
    originals.mkdir()
    folder.mkdir()
    (originals / "one.ipynb").write_text("first")
    (folder / "one.ipynb").symlink_to(tmp_path / "elsewhere.ipynb")
    assert bring(originals, folder) == []
    assert not (tmp_path / "elsewhere.ipynb").exists()
