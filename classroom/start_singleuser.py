"""Copy missing notebooks to a student's home directory, then start the student's server.

JupyterHub runs this program as the student, with the arguments of `jupyterhub-singleuser`. Existing notebooks are never
overwritten. To get a fresh copy, a student renames or deletes the notebook and restarts the server.
"""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def copy_missing_notebooks(source, destination):
    """Copy the notebooks whose names do not exist in the destination, which is created if necessary.

    Each copy is atomic.

    Returns:
        The names of the copied notebooks.
    """
    destination.mkdir(exist_ok=True)
    paths = sorted(source.glob("*.ipynb"))
    missing = [path.name for path in paths if not os.path.lexists(destination / path.name)]
    for name in missing:
        temporary = destination / f".{name}.tmp"
        shutil.copyfile(source / name, temporary)
        temporary.rename(destination / name)
    return missing


if __name__ == "__main__":
    home = Path.home()
    os.chdir(home)  # the root of the file browser
    try:
        copy_missing_notebooks(ROOT / "notebooks", home / "notebooks")
        home.chmod(0o700)  # some systems create home directories that everyone can read
    except OSError as error:  # for example, a full disk: the student needs the server to free space
        print(f"Could not prepare {home}: {error}", file=sys.stderr)
    singleuser = Path(sys.executable).with_name("jupyterhub-singleuser")
    no_news = f"--LabApp.app_settings_dir={ROOT / 'tools' / 'install' / 'lab'}"  # as in `make lab`
    os.execv(singleuser, [str(singleuser), no_news, *sys.argv[1:]])
