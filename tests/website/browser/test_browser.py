"""The error message if no browser is installed."""

import os
import subprocess
import sys

from tests.website.browser.conftest import REPOSITORY


def test_without_a_browser_one_sentence_names_the_package_to_install():
    command = [sys.executable, "-m", "pytest", "-n", "2", "tests/website/browser"]
    environment = os.environ | {"CHROMIUM": "no-such-browser"}
    run = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert run.returncode == 4
    assert run.stderr.strip() == (
        "ERROR: The browser 'no-such-browser' was not found; "
        "install it with `apt-get install chromium`, or set CHROMIUM to its path."
    )
    assert run.stdout == ""
