"""Fixtures that several unit tests share."""

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# The many small operations here are faster with one thread. OpenMP reads these variables once, so the notebooks'
# kernels, which inherit the environment, need not get them.
original = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")}
os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}

# A shell that starts the tests in the background lets its child processes ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

import d2l_helpers as d2l  # noqa: E402  isort: skip  (before MXNet: it prepares that import)
import mxnet as mx  # noqa: E402

for name, value in original.items():
    del os.environ[name]
    os.environ |= {name: value} if value is not None else {}

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def seeds():
    """Use the same random numbers in every run of a test."""
    mx.random.seed(0)
    random.seed(0)


@pytest.fixture(scope="session")
def time_machine():
    """Return (corpus_indices, char_to_idx, idx_to_char, vocab_size) of the original notebook's first cell."""
    return d2l.load_data_time_machine()


@pytest.fixture(scope="session")
def copy_weights():
    """Return a function that copies the weights of one Gluon model into another of the same shape."""

    def copy(source, target):
        sources, targets = source.collect_params().values(), target.collect_params().values()
        assert [p.shape for p in sources] == [p.shape for p in targets]
        for p, q in zip(sources, targets, strict=True):
            q.set_data(p.data())

    return copy


@pytest.fixture(scope="session")
def run_python():
    """Return a function that runs code in a new Python and returns the completed process."""

    def run(code, **variables):
        """Set variables in the environment, or remove them if they are None."""
        environment = {**os.environ, **dict.fromkeys([*original, "GOMP_SPINCOUNT"]), **variables}
        environment = {name: value for name, value in environment.items() if value is not None}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True)

    return run


@pytest.fixture(scope="session")
def is_one_sentence():
    """Return a function that checks whether a message is one line and one sentence."""

    def check(message):
        return re.fullmatch(r"[^\n]+\.", message) is not None and re.search(r"[.!?]\s+[A-Z]", message) is None

    return check
