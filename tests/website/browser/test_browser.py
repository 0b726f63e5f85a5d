"""Where there is no browser."""

import os
import subprocess
import sys

from tests.website.browser.conftest import REPOSITORY


def test_without_a_browser_one_sentence_says_what_to_install():
    command = [sys.executable, "-m", "pytest", "-n", "2", "tests/website/browser"]
    none = {"CHROMIUM": "no-such-browser"}
    run = subprocess.run(command, cwd=REPOSITORY, env=os.environ | none, capture_output=True, text=True)
    assert run.returncode == 4
    assert run.stderr.strip() == (
        "ERROR: There is no browser 'no-such-browser': "
        "install it with `apt-get install chromium`, or set CHROMIUM to its path."
    )
    assert run.stdout == ""
