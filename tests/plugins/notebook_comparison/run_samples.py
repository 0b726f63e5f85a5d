"""Run pytest on sample notebooks, whose names begin with the outcome that they must have: `pass-` or `fail-`."""

import subprocess
import sys
from xml.etree import ElementTree

from . import plugin


def run_samples(samples, folder, *options):
    """Run pytest once on all samples.

    Args:
        samples: The paths of the notebooks.
        folder: The path of a folder for pytest's results.
        options: Further options of pytest.

    Returns:
        A dict from the names of the samples to "pass" or "fail".
    """
    options = ["-p", plugin.__name__, "--nbval", "--nbval-current-env", "--continue-on-collection-errors", *options]
    results = folder / "results.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, f"--junitxml={results}", *samples], capture_output=True
    )
    cases = list(ElementTree.parse(results).iter("testcase"))
    failed = {sample_name(case) for case in cases if any(child.tag in ("failure", "error") for child in case)}
    return {sample_name(case): "fail" if sample_name(case) in failed else "pass" for case in cases}


def sample_name(case):
    module = case.get("classname") or case.get("name")  # a notebook that cannot be collected has no class
    return module.removesuffix(".ipynb").rpartition(".")[2]
