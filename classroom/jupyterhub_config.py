"""JupyterHub for one class on one Linux machine with systemd: `docs/jupyterhub.md` says how it is started.

Everything that differs from class to class comes from the environment; the secrets have no default.
"""

import os
import sys
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
c = get_config()  # noqa: F821  (JupyterHub calls this file with it)


def secret(name):
    """The secret of this name from the environment; SystemExit where there is none, or one that can be guessed."""
    value = os.environ.get(name, "")
    try:
        long_enough = len(bytes.fromhex(value)) >= 32
    except ValueError:
        long_enough = False
    if not long_enough:
        sys.exit(
            f"{name} in the environment must be a secret of at least 32 bytes in hexadecimal and has {len(value)} "
            f"characters: write `{name}=` and what `openssl rand -hex 32` prints into the environment file."
        )
    return value


def number(name, default):
    """A number greater than zero from the environment; SystemExit for anything else."""
    value = os.environ.get(name, default)
    try:
        if 0 < float(value) < float("inf"):
            return float(value)
    except ValueError:
        pass
    sys.exit(f"{name} in the environment must be a number above 0 and is {value!r}: write `{name}={default}`.")


def is_loopback(host):
    """Whether only programs on this machine reach what listens on this host."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# Where it listens. Passwords and session cookies cross the network, so that beyond loopback there is TLS or nothing.
address = os.environ.get("HUB_ADDRESS", "http://127.0.0.1:8000")
key, certificate = os.environ.get("HUB_TLS_KEY", ""), os.environ.get("HUB_TLS_CERTIFICATE", "")
if bool(key) != bool(certificate) or (not key and not is_loopback(urlsplit(address).hostname or "")):
    sys.exit(
        f"HUB_ADDRESS is {address!r} and TLS is not set up: name two files in HUB_TLS_KEY and HUB_TLS_CERTIFICATE, or "
        "stay on http://127.0.0.1:8000."
    )
c.JupyterHub.bind_url = address
c.JupyterHub.ssl_key, c.JupyterHub.ssl_cert = key, certificate
c.ConfigurableHTTPProxy.command = [str(HERE / "node_modules/.bin/configurable-http-proxy")]

# Secrets. The same ones after a restart, so that who is logged in stays so.
c.JupyterHub.cookie_secret = bytes.fromhex(secret("JPY_COOKIE_SECRET"))
c.ConfigurableHTTPProxy.auth_token = secret("CONFIGPROXY_AUTH_TOKEN")

# What the hub remembers: who is logged in, and which servers run. Nobody else may read it.
state = Path(os.environ.get("HUB_STATE", "/var/lib/jupyterhub"))
state.mkdir(mode=0o700, parents=True, exist_ok=True)
state.chmod(0o700)
c.JupyterHub.db_url = f"sqlite:///{state}/jupyterhub.sqlite"
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

# A restart of the hub, in the middle of a class, stops no server. The proxy goes on until the new hub starts its own.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False

# Who may log in: users of this machine, with the passwords that they have there, if they are in one of two groups.
# PAM: it comes with JupyterHub, the system's own rules (lockout, directory services) hold, and no second password file.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {"students", "teachers"}
c.PAMAuthenticator.admin_groups = {"teachers"}
c.PAMAuthenticator.open_sessions = False  # systemd sets up what a session needs

# systemd starts each server: its limits are the kernel's own, and its units outlive the hub.
c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
processors = number("HUB_PROCESSORS", "1")
c.SystemdSpawner.cpu_limit = processors
c.SystemdSpawner.mem_limit = int(number("HUB_MEMORY_GIB", "1") * 2**30)
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.isolate_devices = True
c.SystemdSpawner.unit_extra_properties = {
    "TasksMax": "256",  # threads count; a session has about fifty, and a fork bomb ends here
    "UMask": "0077",
    "ProtectSystem": "full",
    "ProtectProc": "invisible",  # command lines and processes of the others
    "MemorySwapMax": "0",  # a greedy kernel is ended at its limit, before it makes the machine swap
}
c.SystemdSpawner.extra_paths = [str(BIN)]
c.SystemdSpawner.default_shell = "/bin/bash"

# Servers that nobody has used for a while stop. A cell that prints or draws a bar counts as use, reported in time.
idle = number("HUB_IDLE_MINUTES", "60") * 60
heard = max(1, min(300, int(idle / 3)))
c.JupyterHub.last_activity_interval = heard
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={max(3, int(idle))}"],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]

# What a server is: JupyterLab in this environment, after `student_server.py` has brought the notebooks.
c.Spawner.cmd = [sys.executable, str(HERE / "student_server.py")]
c.Spawner.default_url = "/lab/tree/notebooks/deep-rnn.ipynb"
c.Spawner.environment = {
    # More threads than the limit has processors only wait for each other, throttled; a quota is not an affinity mask.
    "OMP_NUM_THREADS": str(max(1, int(processors))),
    "JUPYTERHUB_ACTIVITY_INTERVAL": str(heard),
    "JUPYTER_CONFIG_PATH": str(HERE / "jupyter"),
    "NBGRADER_EXCHANGE": os.environ.get("HUB_EXCHANGE", "/srv/nbgrader/exchange"),
    "NBGRADER_COURSE": os.environ.get("HUB_COURSE", "deep-rnn"),
}
c.Spawner.http_timeout = c.Spawner.start_timeout = 300  # a whole class presses the button at the same moment
