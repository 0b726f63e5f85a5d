"""Configure JupyterHub for one class on one Linux machine with systemd; see docs/jupyterhub.md.

Environment variables hold all settings that differ between classes. The secrets have no default.
"""

import os
import sys
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
c = get_config()  # noqa: F821  (defined by JupyterHub)


def read_secret(name):
    """Return a hexadecimal secret from the environment; exit if it is missing or shorter than 32 bytes."""
    value = os.environ.get(name, "")
    try:
        num_bytes = len(bytes.fromhex(value))
    except ValueError:
        num_bytes = 0
    if num_bytes < 32:
        sys.exit(
            f"{name} must be a secret of at least 32 bytes in hexadecimal, got {len(value)} characters; add `{name}=` "
            "and the output of `openssl rand -hex 32` to the environment file."
        )
    return value


def read_positive(name, default):
    """Return a positive number from the environment; exit for any other value."""
    value = os.environ.get(name, default)
    try:
        if 0 < float(value) < float("inf"):
            return float(value)
    except ValueError:
        pass
    sys.exit(f"{name} must be a positive number, got {value!r:.60}; for example, {name}={default}.")


def is_loopback(host):
    """Return whether a host name or address is reachable only from this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# Network: TLS is required except on loopback, because passwords and session cookies cross the network.
address = os.environ.get("HUB_ADDRESS", "http://127.0.0.1:8000")
key, certificate = os.environ.get("HUB_TLS_KEY", ""), os.environ.get("HUB_TLS_CERTIFICATE", "")
if bool(key) != bool(certificate) or (not key and not is_loopback(urlsplit(address).hostname or "")):
    sys.exit(
        f"HUB_ADDRESS must be a loopback address unless TLS is configured, got {address!r:.60}; set both HUB_TLS_KEY "
        "and HUB_TLS_CERTIFICATE to files, or use http://127.0.0.1:8000 without them."
    )
c.JupyterHub.bind_url = address
c.JupyterHub.ssl_key, c.JupyterHub.ssl_cert = key, certificate
c.ConfigurableHTTPProxy.command = [str(HERE / "node_modules/.bin/configurable-http-proxy")]

# Secrets: they come from the environment so that a restart of the hub does not log users out.
c.JupyterHub.cookie_secret = bytes.fromhex(read_secret("JPY_COOKIE_SECRET"))
c.ConfigurableHTTPProxy.auth_token = read_secret("CONFIGPROXY_AUTH_TOKEN")

# State of the hub, readable only by root: login sessions and running servers.
state = Path(os.environ.get("HUB_STATE", "/var/lib/jupyterhub"))
state.mkdir(mode=0o700, parents=True, exist_ok=True)
state.chmod(0o700)
c.JupyterHub.db_url = f"sqlite:///{state}/jupyterhub.sqlite"
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

# Restarting the hub stops no server. The proxy runs until the new hub starts its own.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False

# Login: users of this machine who are in one of two groups, with their system passwords. PAM is part of JupyterHub,
# applies the system's own rules (lockout, directory services), and needs no second password file.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {"students", "teachers"}
c.PAMAuthenticator.admin_groups = {"teachers"}
c.PAMAuthenticator.open_sessions = False  # systemd sets up the sessions

# Servers: each is a systemd unit, so the Linux kernel enforces its limits, and it outlives the hub.
c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
processors = read_positive("HUB_PROCESSORS", "1")
c.SystemdSpawner.cpu_limit = processors
c.SystemdSpawner.mem_limit = int(read_positive("HUB_MEMORY_GIB", "1") * 2**30)
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.isolate_devices = True
c.SystemdSpawner.unit_extra_properties = {
    "TasksMax": "256",  # includes threads; a session has about 50, and this stops a fork bomb
    "UMask": "0077",
    "ProtectSystem": "full",
    "ProtectProc": "invisible",  # hides the processes of other users
    "MemorySwapMax": "0",  # kills a kernel at its memory limit before the machine swaps
}
c.SystemdSpawner.extra_paths = [str(BIN)]
c.SystemdSpawner.default_shell = "/bin/bash"

# Idle servers are stopped. A running cell counts as activity if it prints or updates a progress bar.
idle_seconds = read_positive("HUB_IDLE_MINUTES", "60") * 60
activity_seconds = max(1, min(300, int(idle_seconds / 3)))
c.JupyterHub.last_activity_interval = activity_seconds
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={max(3, int(idle_seconds))}"],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]

# Single-user server: start_singleuser.py copies the notebooks and starts JupyterLab in this environment.
c.Spawner.cmd = [sys.executable, str(HERE / "start_singleuser.py")]
c.Spawner.default_url = "/lab/tree/notebooks/deep-rnn.ipynb"
c.Spawner.environment = {
    # OpenMP does not see the CPU quota, and threads beyond it only slow each other down.
    "OMP_NUM_THREADS": str(max(1, int(processors))),
    "JUPYTERHUB_ACTIVITY_INTERVAL": str(activity_seconds),
    "JUPYTER_CONFIG_PATH": str(HERE / "jupyter"),
    "NBGRADER_EXCHANGE": os.environ.get("HUB_EXCHANGE", "/srv/nbgrader/exchange"),
    "NBGRADER_COURSE": os.environ.get("HUB_COURSE", "deep-rnn"),
}
c.Spawner.http_timeout = c.Spawner.start_timeout = 300  # the whole class starts at once
