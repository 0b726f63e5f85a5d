"""Sample notebooks are named for the verdict that they have to get; this asks for it."""

import subprocess
import sys
from xml.etree import ElementTree

from . import plugin


def verdicts(samples, folder, *options):
    """Sample name -> "pass" or "fail", all from one run of pytest over them, whose results go to the folder."""
    options = ["-p", plugin.__name__, "--nbval", "--nbval-current-env", "--continue-on-collection-errors", *options]
    results = folder / "results.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, f"--junitxml={results}", *samples], capture_output=True
    )
    cases = list(ElementTree.parse(results).iter("testcase"))
    failed = {sample_name(case) for case in cases if any(child.tag in ("failure", "error") for child in case)}
    return {sample_name(case): "fail" if sample_name(case) in failed else "pass" for case in cases}


def sample_name(case):
    where = case.get("classname") or case.get("name")  # a notebook that cannot be collected has no class
    return where.removesuffix(".ipynb").rpartition(".")[2]
