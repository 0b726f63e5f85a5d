"""Create a virtual environment from the lock files. `make` calls this program.

uv installs the locks in seconds. uv.lock pins uv itself; if the package index has no uv for this machine, pip installs
the same files. Only wheels are installed, so no compiler is needed.

    python -m tools.install.set_up .venv [--mxnet gpu] [--wheels FOLDER]
    python -m tools.install.set_up --download FOLDER [--environments base ...]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.install.check_platform import NEWEST

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "requirements"
LOCKS_OF = {"base": [], "frameworks": ["frameworks", "torch"], "classroom": ["classroom"], "website": ["website"]}
# Install exactly the locked files. d2lzh, which is pure Python, was never published as a wheel.
LOCKED = ["--no-deps", "--require-hashes", "--no-build-isolation", "--only-binary=:all:", "--no-binary=d2lzh"]
PYTORCH_INDEX = "https://download.pytorch.org/whl/cpu"  # the builds without CUDA, which are not on PyPI
# Settings of pip, and the environment variables of uv with the same meaning.
PIP_TO_UV = {"index-url": "UV_DEFAULT_INDEX", "find-links": "UV_FIND_LINKS", "cert": "SSL_CERT_FILE"}


class SetupError(Exception):
    """An error that `make` reports in one sentence."""


class Installer:
    """Install packages into a virtual environment with uv, or with pip if uv is not available."""

    def __init__(self, venv, wheels=None):
        self.venv, self.python = venv, str(venv / "bin" / "python")
        self.log = ROOT / "build" / f"setup{venv.name.replace('.venv', '')}.log"
        self.source = ["--no-index", f"--find-links={wheels}"] if wheels else []
        self.environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self.install = [self.python, "-m", "pip", "install"]

    def create(self):
        """Create the environment, and install uv into it if uv is available."""
        self.log.parent.mkdir(exist_ok=True)
        self.log.write_text("")
        if self._run([sys.executable, "-m", "venv", "--clear", str(self.venv)]):
            raise SetupError(
                "This Python cannot create virtual environments; install the missing package, on Debian or Ubuntu "
                f"with `sudo apt install python3-venv`, and run make again (log: {self.log})."
            )
        self.add(*LOCKED, "-r", LOCKS / "build.lock")
        if self._run([*self.install, *LOCKED, *self.source, "-r", LOCKS / "uv.lock"]):
            print("uv is not available here, so pip installs the packages (two minutes) ...")
            return
        self.environment = {**uv_settings(self.python), **self.environment}
        self.install = [str(self.venv / "bin" / "uv"), "pip", "install", f"--python={self.python}"]

    def add(self, *arguments, also=()):
        """Install packages.

        Args:
            arguments: Arguments that `pip install` and `uv pip install` have in common.
            also: Additional arguments for a second attempt if the first one fails.

        Raises:
            SetupError: All attempts failed.
        """
        if not self._run([*self.install, *arguments, *self.source]):
            return
        if also and not self.source and not self._run([*self.install, *arguments, *also]):
            return
        raise SetupError(reason(self.log))

    def _run(self, command):
        """Run a command with its output in the log, and return its exit status."""
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(map(str, command))}\n")
            log.flush()
            return subprocess.run(command, env=self.environment, stdout=log, stderr=log, cwd=ROOT).returncode


def uv_settings(python):
    """Return pip's settings on this machine, such as the package index, as environment variables of uv."""
    listed = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    settings = dict(re.findall(r"^(?:global|install|:env:)\.+([a-z-]+)='(.+)'$", listed, re.MULTILINE))
    return {PIP_TO_UV[name]: value.replace("\\n", " ") for name, value in settings.items() if name in PIP_TO_UV}


def set_up(venv, mxnet, wheels):
    """Create an environment. Its name selects the locks: `.venv-classroom` also gets classroom.lock."""
    installer = Installer(venv, wheels)
    installer.create()
    # Python 3.14 and later warn when they compile pyparsing; compile it now to keep the warning out of the notebooks.
    compiled = ["--compile"] if sys.version_info >= (3, 14) else []
    installer.add(*LOCKED, *compiled, "-r", LOCKS / "base.lock")
    for name in LOCKS_OF.get(venv.name.replace(".venv-", ""), []):
        pytorch = [f"--extra-index-url={PYTORCH_INDEX}"] if name == "torch" else []
        installer.add(*LOCKED, "-r", LOCKS / f"{name}.lock", also=pytorch)
    installer.add("--no-deps", "--no-build-isolation", "-e", ROOT)
    if mxnet == "gpu":
        print("Installing MXNet's CUDA build and CUDA (2 GB to download, 5 GB on disk) ...")
        installer.add(*LOCKED, "-r", LOCKS / "gpu.lock")
        installer.add("--no-deps", "--no-build-isolation", "--force-reinstall", ROOT / "tools" / "install" / "gpu")
    for program in ("link_openblas.py", "check_import.py"):
        if subprocess.run([installer.python, ROOT / "tools" / "install" / program]).returncode:
            sys.exit(1)
    (venv / "installed").write_text(mxnet + "\n")
    if sys.version_info[:2] > NEWEST:
        print(
            "Python {}.{} is newer than {}.{}, the newest tested version; if anything fails, run "
            "`make PYTHON=python3.13`.".format(*sys.version_info[:2], *NEWEST)
        )


def download(folder, environments):
    """Download all files that these environments need with this Python, for installations without a network."""
    folder.mkdir(parents=True, exist_ok=True)
    installer = Installer(ROOT / "build" / "venv-for-wheels")
    installer.create()
    installer.install = [installer.python, "-m", "pip", "download", f"--dest={folder}"]
    missing = []
    for name in ["build", "uv", "base", *(name for environment in environments for name in LOCKS_OF[environment])]:
        print(f"requirements/{name}.lock ...")
        also = [f"--extra-index-url={PYTORCH_INDEX}"] if name == "torch" else []
        try:
            installer.add(*LOCKED, "-r", LOCKS / f"{name}.lock", also=also)
        except SetupError as error:
            print(error)
            missing.append(f"{name}.lock")
    shutil.rmtree(installer.venv)
    if missing:
        raise SetupError(f"The folder lacks files of {', '.join(missing)}; all other files are in it.")


def reason(log):
    """Return one sentence with the reason why an installation failed and the command that fixes it."""
    text = log.read_text().rpartition("\n$ ")[2]  # the last attempt
    here = "Python {}.{}".format(*sys.version_info)
    other = next(filter(shutil.which, (f"python3.{minor}" for minor in range(13, 10, -1))), "/path/to/python3.13")
    found = re.search(
        r"Because (\S+==\S+) has no (?:usable )?wheels|No matching distribution found for (\S+==\S+)", text
    )
    if found and not re.search("Retrying|Failed to fetch|[Cc]onnection|name resolution|timed out", text):
        return f"{found[1] or found[2]} has no wheel for {here}; run `make PYTHON={other}` with the same target."
    lines = [line.strip() for line in text.splitlines() if re.match(r"\s*(error|ERROR|cause|Caused by|×)", line)]
    return (
        f"The packages could not be installed ({' '.join(lines[:2])[:200] or 'see the log'}); check the network and "
        f"run make again, or use a folder of wheels with `make WHEELS=folder` (log: {log})."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("venv", type=Path, nargs="?")
    parser.add_argument("--mxnet", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--download", type=Path, metavar="FOLDER")
    parser.add_argument("--environments", nargs="+", choices=LOCKS_OF, default=list(LOCKS_OF))
    arguments = parser.parse_args()
    try:
        if arguments.download:
            download(arguments.download.resolve(), arguments.environments)
        else:
            if arguments.wheels and not arguments.wheels.is_dir():
                raise SetupError(
                    f"WHEELS must be a folder, got '{arguments.wheels}'; create it with `make wheels DIR=folder` on a "
                    "machine with a network."
                )
            set_up(arguments.venv.absolute(), arguments.mxnet, arguments.wheels and arguments.wheels.resolve())
    except SetupError as error:
        sys.exit(str(error))
