"""Bring a student the notebooks that are not there yet, and become their server. Runs as that student.

JupyterHub starts it in place of `jupyterhub-singleuser`, with its arguments. A notebook that the student has is never
written again, changed or not: whoever wants a fresh one renames or deletes theirs and starts the server anew.
"""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ORIGINALS = ROOT / "notebooks"


def bring(originals, folder):
    """Copy the notebooks in folder `originals` whose names are not in `folder`, which is made.

    A notebook appears whole or not at all. Returns the names of those that are new.
    """
    folder.mkdir(exist_ok=True)
    new = [notebook for notebook in sorted(originals.glob("*.ipynb")) if not os.path.lexists(folder / notebook.name)]
    for notebook in new:
        unfinished = folder / f".{notebook.name}.unfinished"
        shutil.copyfile(notebook, unfinished)
        unfinished.rename(folder / notebook.name)
    return [notebook.name for notebook in new]


if __name__ == "__main__":
    home = Path.home()
    os.chdir(home)  # what the browser shows
    try:
        bring(ORIGINALS, home / "notebooks")
        home.chmod(0o700)  # some systems make homes that everybody can read
    except OSError as error:  # a full disk, say: the student needs the server to make room
        print(f"{home} was not prepared: {error}", file=sys.stderr)
    singleuser = Path(sys.executable).with_name("jupyterhub-singleuser")
    no_news = f"--LabApp.app_settings_dir={ROOT / 'install' / 'lab'}"  # as `make lab` has it
    os.execv(singleuser, [str(singleuser), no_news, *sys.argv[1:]])
