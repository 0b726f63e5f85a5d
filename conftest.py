"""Load the project's pytest plugins, so that `pytest` works in a checkout without options."""

import pytest

pytest_plugins = [
    "tests.plugins.notebook_comparison.plugin",
    "tests.plugins.continuations",
    "tests.plugins.figure_accessibility",
]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Run each file in one process with pytest-xdist, because the cells of a notebook depend on each other."""
    if config.getoption("numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadfile"
