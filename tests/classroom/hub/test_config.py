"""Test which settings the hub's configuration rejects, and how notebooks are copied to students."""

import os
import runpy
import secrets

import pytest
from traitlets.config import PyFileConfigLoader

from tests.classroom.hub.systemd_container import REPOSITORY

SECRETS = ("JPY_COOKIE_SECRET", "CONFIGPROXY_AUTH_TOKEN")


@pytest.fixture
def load(monkeypatch, tmp_path):
    """Return a function that loads the configuration with environment variables; None unsets a variable."""

    def load_config(**variables):
        variables = {name: secrets.token_hex(32) for name in SECRETS} | {"HUB_STATE": str(tmp_path / "hub")} | variables
        for name in [*SECRETS, *(name for name in os.environ if name.startswith("HUB_"))]:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return PyFileConfigLoader("jupyterhub_config.py", path=str(REPOSITORY / "classroom")).load_config()

    return load_config


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", [None, "", "secret", "0" * 62, "x" * 64])
def test_an_invalid_secret_is_rejected(load, is_one_sentence, name, value):
    with pytest.raises(SystemExit) as error:
        load(**{name: value})
    assert is_one_sentence(str(error.value))
    assert str(error.value).startswith(name)
    assert "openssl rand -hex 32" in str(error.value)


@pytest.mark.parametrize("address", ["http://0.0.0.0:8000", "http://:8000", "https://0.0.0.0:443", "http://[::]:8000"])
def test_other_addresses_than_loopback_require_tls(load, is_one_sentence, address):
    for variables in {}, {"HUB_TLS_KEY": "key.pem"}, {"HUB_TLS_CERTIFICATE": "certificate.pem"}:
        with pytest.raises(SystemExit) as error:
            load(HUB_ADDRESS=address, **variables)
        assert is_one_sentence(str(error.value))
        assert address in str(error.value)
    config = load(HUB_ADDRESS=address, HUB_TLS_KEY="key.pem", HUB_TLS_CERTIFICATE="certificate.pem")
    assert config.JupyterHub.bind_url == address
    assert config.JupyterHub.ssl_key == "key.pem"


@pytest.mark.parametrize("address", [None, "http://127.0.0.1:9000", "http://localhost:8000", "http://[::1]:8000"])
def test_loopback_addresses_do_not_require_tls(load, address):
    assert load(HUB_ADDRESS=address).JupyterHub.bind_url == (address or "http://127.0.0.1:8000")


@pytest.mark.parametrize(("processors", "threads"), [(None, "1"), ("0.5", "1"), ("1", "1"), ("2.5", "2"), ("4", "4")])
def test_the_number_of_threads_follows_the_cpu_limit(load, processors, threads):
    config = load(HUB_PROCESSORS=processors)
    assert config.Spawner.environment["OMP_NUM_THREADS"] == threads
    assert config.SystemdSpawner.cpu_limit == float(processors or 1)


@pytest.mark.parametrize("name", ["HUB_PROCESSORS", "HUB_MEMORY_GIB", "HUB_IDLE_MINUTES"])
@pytest.mark.parametrize("value", ["", "0", "-1", "many", "nan", "inf"])
def test_an_invalid_limit_is_rejected(load, is_one_sentence, name, value):
    with pytest.raises(SystemExit) as error:
        load(**{name: value})
    assert is_one_sentence(str(error.value))
    assert name in str(error.value)
    assert repr(value) in str(error.value)


def test_only_users_in_the_two_groups_may_log_in(load):
    config = load()
    assert config.JupyterHub.authenticator_class == "pam"
    assert config.PAMAuthenticator.allowed_groups == {"students", "teachers"}
    assert "allow_all" not in config.PAMAuthenticator
    assert "allow_all" not in config.Authenticator


def test_only_root_can_read_the_state_of_the_hub(load, tmp_path):
    (tmp_path / "hub").mkdir(mode=0o755)
    load()
    assert (tmp_path / "hub").stat().st_mode & 0o777 == 0o700


@pytest.fixture
def copy_missing_notebooks():
    return runpy.run_path(str(REPOSITORY / "classroom" / "start_singleuser.py"))["copy_missing_notebooks"]


def test_new_notebooks_are_copied_and_existing_ones_never_overwritten(copy_missing_notebooks, tmp_path):
    source, destination = tmp_path / "source", tmp_path / "destination"
    source.mkdir()
    (source / "one.ipynb").write_text("first")
    (source / "solution.txt").write_text("not a notebook")
    assert copy_missing_notebooks(source, destination) == ["one.ipynb"]
    (destination / "one.ipynb").write_text("an hour of work")
    (source / "one.ipynb").write_text("first, corrected")
    (source / "two.ipynb").write_text("second")
    assert copy_missing_notebooks(source, destination) == ["two.ipynb"]
    assert {file.name: file.read_text() for file in destination.iterdir()} == {
        "one.ipynb": "an hour of work",
        "two.ipynb": "second",
    }


def test_a_broken_symbolic_link_is_left_alone(copy_missing_notebooks, tmp_path):
    source, destination = tmp_path / "source", tmp_path / "destination"
    source.mkdir()
    destination.mkdir()
    (source / "one.ipynb").write_text("first")
    (destination / "one.ipynb").symlink_to(tmp_path / "elsewhere.ipynb")
    assert copy_missing_notebooks(source, destination) == []
    assert not (tmp_path / "elsewhere.ipynb").exists()
