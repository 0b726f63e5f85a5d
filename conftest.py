"""Load the project's pytest plugins, so that plain `pytest` works from a checkout, with and without `-n 2`."""

import pytest

pytest_plugins = [
    "tests.plugins.notebook_comparison.plugin",
    "tests.plugins.continuations",
    "tests.plugins.figure_accessibility",
]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Let pytest-xdist give each file to one process, because the cells of a notebook build on each other."""
    if config.getoption("numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadfile"
