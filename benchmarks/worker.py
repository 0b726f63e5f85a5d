"""Run one implementation: `python worker.py MODULE FUNCTION '{"num_layers": 2}'`, in its own process.

The function of the module in implementations/ is called with a Problem, changed as given, and with a function `report`.
It runs epochs until the process ends and calls `report(result)` after each one. An epoch begins when a line arrives on
standard input; its seconds and result go to standard output as a line of JSON.
"""

import contextlib
import importlib
import json
import sys
import time
from importlib import metadata

from problem import Problem

PACKAGES = ("mxnet", "d2lzh", "torch", "jax")


def main(module, function, changes):
    """Run the function's epochs until standard input ends."""
    output = sys.stdout  # an implementation may redirect its own prints
    start = None

    def wait():
        nonlocal start
        if not sys.stdin.readline():
            sys.exit()
        start = time.perf_counter()

    def report(result):
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "result": result}), file=output, flush=True)
        wait()

    run = getattr(importlib.import_module(f"implementations.{module}"), function)
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    print(json.dumps(versions), file=output, flush=True)
    wait()
    run(Problem(**json.loads(changes)), report)


if __name__ == "__main__":
    main(*sys.argv[1:])
