"""A sweep computes each run once, gives the same results everywhere, and never returns results of older code."""

import contextlib
import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import mxnet as mx
import nbformat
import pytest
from mxnet.gluon import rnn
from nbclient import NotebookClient

import d2l_helpers as d2l
from d2l_helpers._internal import sweep

SEEDS = [{"seed": seed} for seed in range(4)]
numbers = itertools.count()


def train(seed):
    """Return the perplexities of a small deep LSTM, where they were computed, and when."""
    print("discarded")
    start = time.monotonic()
    mx.random.seed(seed)
    *_, vocab_size = text = d2l.load_data_time_machine(1000)
    training = d2l.Training(d2l.RNNModel(rnn.LSTM(8, 2), vocab_size), text, num_steps=10, batch_size=4)
    training.initialize_weights()
    perplexity = [training.epoch() for _ in range(3)]
    return {"perplexity": perplexity, "process": os.getpid(), "time": [start, time.monotonic()]}


def square(seed):
    return seed**2


def fail_with_two(seed):
    if seed == 2:
        raise ZeroDivisionError("two is\nnot allowed")
    return seed


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)


@pytest.fixture
def in_this_process(monkeypatch):
    """Runs are computed in this process, for tests that do not depend on processes; the list of all runs."""
    runs = []

    def compute(experiment, missing):
        monkeypatch.setattr(sweep, "MODULES_AT_START", {*sys.modules})
        for name, configuration in [*missing.items()]:
            runs.append(configuration)
            yield sweep._run(name, experiment, configuration, sweep.SOURCES)

    monkeypatch.setattr(sweep, "_on_this_machine", compute)
    return runs


def perplexities(results):
    return [result["perplexity"] for result in results]


@pytest.mark.parametrize("cores", [1, 2])
def test_results_do_not_depend_on_the_number_of_workers(tmp_path, monkeypatch, capfd, recwarn, cores):
    monkeypatch.setattr(sweep, "usable_cores", lambda: cores)
    results = d2l.run_sweep(train, SEEDS, tmp_path)
    assert perplexities(results) == perplexities([train(**configuration) for configuration in SEEDS])
    assert os.getpid() not in {result["process"] for result in results}
    times = sorted(result["time"] for result in results)
    assert cores == 2 or all(end < start for (_, end), (start, _) in itertools.pairwise(times))
    assert capfd.readouterr() == ("discarded\n" * 4, "")  # from this process
    assert [warning for warning in recwarn if warning.category is UserWarning] == []


def test_a_finished_run_is_never_repeated(tmp_path, in_this_process):
    folder = tmp_path / "new" / "results"
    assert d2l.run_sweep(square, SEEDS[:2], folder) == [0, 1]
    assert d2l.run_sweep(square, [*SEEDS[:0:-1], *SEEDS[:2], SEEDS[0]], folder) == [9, 4, 1, 0, 1, 0]
    assert in_this_process == [*SEEDS[:2], SEEDS[3], SEEDS[2]]
    assert d2l.run_sweep(square, SEEDS[:1], folder, recompute=True) == [0]
    assert in_this_process[4:] == SEEDS[:1]
    assert d2l.run_sweep(square, [], folder) == []


def test_a_file_contains_its_configuration_and_a_corrupted_one_is_replaced(tmp_path, in_this_process):
    for content in ("", '{"result"', "[]", "{}", "3"):
        assert d2l.run_sweep(square, SEEDS[3:], tmp_path) == [9]
        (file,) = tmp_path.iterdir()
        assert file.name.startswith("seed=3-")
        assert json.loads(file.read_text()) == {"configuration": {"seed": 3}, "result": 9}
        file.write_text(content)


# The cache. In each of these cells and files a 2 becomes a 3, where it says VALUE.

CELLS = {
    "the function": "def experiment(): return VALUE",
    "a nested lambda": "def experiment(): return (lambda: VALUE)()",
    "a name": "value_2, value_3 = 1, 2\ndef experiment(): return value_VALUE",
    "a helper of a helper": "def g(): return VALUE\ndef f(): return g()\ndef experiment(): return f()",
    "a default": "def experiment(value=VALUE): return value",
    "a keyword-only default": "def experiment(*, values=(1, [VALUE])): return values",
    "a closure": "def make(value):\n    return lambda: value\nexperiment = make(VALUE)",
    "a global value": "rate = VALUE\ndef experiment(): return rate",
    "a global set": "kinds = {'a', 'b', VALUE}\ndef experiment(): return sorted(map(str, kinds))",
    "a global array": "import numpy as np\nA = np.full(9, VALUE)\ndef experiment(): return A.tolist()",
    "a global MXNet array": "from mxnet import nd\nA = nd.full(1, VALUE)\ndef experiment(): return A.asscalar().item()",
    "a class": "class C:\n    def f(self): return VALUE\ndef experiment(): return C().f()",
    "a base class": "class B:\n    def f(self): return VALUE\nclass C(B): pass\ndef experiment(): return C().f()",
    "a decorator": "def d(f): return lambda: VALUE * f()\n@d\ndef f(): return 1\ndef experiment(): return f()",
    "a wrapped function": """
        import functools
        def d(f):
            @functools.wraps(f)
            def g(): return f()
            return g
        @d
        def experiment(): return VALUE""",
    "an object": "class C:\n    def __init__(self, f): self.f = f\nc = C(VALUE)\ndef experiment(): return c.f",
    "a dataclass": """
        from dataclasses import dataclass, field
        @dataclass
        class C:
            a: list = field(default_factory=lambda: [VALUE])
        def experiment(): return C().a""",
    "an enumeration": "import enum\nclass E(enum.Enum):\n    A = VALUE\ndef experiment(): return E.A.value",
    "an abstract class": """
        import abc, typing
        T = typing.TypeVar("T")
        class B(abc.ABC, typing.Generic[T]):
            @abc.abstractmethod
            def f(self): self.a, self.b, self.c = 1, 2, 3
        class C(B[int]):
            def f(self): return VALUE
        def experiment(): return C().f()""",
    "a Gluon block": """
        from mxnet import gluon
        class Net(gluon.nn.HybridBlock):
            def hybrid_forward(self, F, X): return F.relu(X) * VALUE
        def experiment():
            from mxnet import nd
            return Net()(nd.ones(1)).asscalar().item()""",
}  # fmt: skip
FILES = {
    "a function": ("from neighbor import f", "f()", "def f(): return VALUE"),
    "a function by its module": ("import neighbor as b", "b.f()", "def g(): return VALUE\ndef f(): return g()"),
    "a value": ("import neighbor", "neighbor.value", "value = VALUE"),
    "a value that a function uses": ("from neighbor import f", "f()", "value = VALUE\ndef f(): return value"),
    "a base class": ("import neighbor\nclass C(neighbor.B): pass", "C.f", "class B:\n    f = VALUE"),
    "a decorator": ("import neighbor\n@neighbor.d\ndef f(): return 1", "f()", "def d(f): return lambda: VALUE * f()"),
    "a file in a package": ("import neighbor.part", "neighbor.part.f()", "def f(): return VALUE"),
}


def cell(source):
    """Execute a notebook cell in a new namespace and return the experiment that it defines."""
    namespace = {"__name__": "__main__"}
    exec(compile(textwrap.dedent(source), f"cell {next(numbers)}", "exec"), namespace)
    return namespace["experiment"]


@pytest.mark.parametrize("source", CELLS.values(), ids=CELLS)
def test_an_edited_cell_runs_again_and_another_one_does_not(tmp_path, in_this_process, source):
    results = [d2l.run_sweep(cell(source.replace("VALUE", value)), [{}], tmp_path) for value in "2232"]
    assert results[0] == results[1] == results[3] != results[2]
    assert len(in_this_process) == 2


@pytest.mark.parametrize(("imports", "call", "source"), FILES.values(), ids=FILES)
def test_an_edited_file_next_to_the_notebook_runs_again(tmp_path, monkeypatch, in_this_process, imports, call, source):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # bytecode of the same second and size would be reused
    file = tmp_path / ("neighbor/part.py" if ".part" in imports else "neighbor.py")
    file.parent.mkdir(exist_ok=True)
    results = []
    for value in "223":
        file.write_text(source.replace("VALUE", value))
        for name in ("neighbor", "neighbor.part"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        results += d2l.run_sweep(cell(f"{imports}\ndef experiment(): return {call}"), [{}], tmp_path / "results")
    assert results == [2, 2, 3]
    assert len(in_this_process) == 2


def test_other_versions_and_settings_run_again(tmp_path, monkeypatch, in_this_process):
    for change in (
        lambda: None,
        lambda: monkeypatch.setattr(sweep, "SOURCES", "changed"),
        lambda: monkeypatch.setattr(sys, "version", "changed"),
        lambda: monkeypatch.setattr(sweep.metadata, "distributions", list),
        lambda: monkeypatch.setenv("MXNET_USE_MKLDNN_RNN", "changed"),
    ):
        change()
        for _ in range(2):
            d2l.run_sweep(square, [{"seed": 3}], tmp_path)
    assert len(in_this_process) == 5


def test_the_type_and_the_order_of_arguments_count(tmp_path, in_this_process):
    experiment = cell("def experiment(**arguments): return repr(arguments)")
    for configuration in ({"a": (1,), "b": 1}, {"a": [1], "b": 1}, {"b": 1, "a": [1]}, {"b": True, "a": [1]}):
        assert d2l.run_sweep(experiment, [configuration], tmp_path) == [repr(configuration)]


def test_an_unchanged_notebook_in_a_new_kernel_computes_nothing(tmp_path):
    (tmp_path / "neighbor.py").write_text("def f(): return 7")
    cells = ["import neighbor\nimport d2l_helpers as d2l\nfrom d2l_helpers._internal import sweep"]
    for source in CELLS.values():
        cells += [textwrap.dedent(source.replace("VALUE", "2")), "print(sweep._pickle(experiment)[1])"]
    cells += ["import os\ndef experiment(kind): return [kind in {'a', 'b', 'c'}, neighbor.f(), os.getpid()]"]
    cells += ["print(d2l.run_sweep(experiment, [{'kind': 'a'}], 'results'))"]
    printed = []
    for hash_seed in "12":
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        client = NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}})
        client.execute(env={**os.environ, "PYTHONHASHSEED": hash_seed})
        printed.append(["".join(output["text"] for output in one.outputs) for one in notebook.cells])
    assert printed[0][-1].startswith("[[True, 7, ")  # and the id of the process
    assert printed[0] == printed[1]


# Failures


def test_a_failing_run_is_named_after_all_others_are_saved(tmp_path, in_this_process, is_one_sentence):
    with pytest.raises(RuntimeError, match=r"'seed': 2.*ZeroDivisionError: two is not allowed.*3 results") as caught:
        d2l.run_sweep(fail_with_two, SEEDS, tmp_path)
    assert is_one_sentence(str(caught.value))
    assert "in fail_with_two" in str(caught.value.__cause__)  # the worker's traceback
    assert d2l.run_sweep(fail_with_two, [SEEDS[3], SEEDS[0]], tmp_path) == [3, 0]
    assert in_this_process == SEEDS


FAILING = {
    "import os\ndef experiment(seed): os._exit(1)": r"a worker was killed in one of \[{'seed': 7}\]",
    "def experiment(seed): return {seed}": r"experiment failed with {'seed': 7} .*set is not JSON",
    "import sys\ndef experiment(seed): sys.exit(1)": r"experiment failed with {'seed': 7} \(SystemExit: 1\)",
    "def experiment(seed):\n    import neighbor": "import neighbor in a cell: in a function, its changes",
}


@pytest.mark.parametrize(("source", "words"), FAILING.items())
def test_a_run_that_cannot_be_saved_is_named(tmp_path, monkeypatch, is_one_sentence, source, words):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "neighbor.py").touch()
    for _ in range(2):
        with pytest.raises(RuntimeError, match=words) as caught:
            d2l.run_sweep(cell(source), [{"seed": 7}], tmp_path / "results")
        assert is_one_sentence(str(caught.value))
    assert list((tmp_path / "results").iterdir()) == []
    assert d2l.run_sweep(square, [{"seed": 7}], tmp_path) == [49]


def test_a_worker_with_other_sources_is_named(tmp_path, monkeypatch, is_one_sentence):
    monkeypatch.setattr(sweep, "SOURCES", "older")
    with pytest.raises(RuntimeError, match="d2l_helpers has changed since it was imported") as caught:
        d2l.run_sweep(square, SEEDS[:1], tmp_path)
    assert is_one_sentence(str(caught.value))


PROGRAM = """
import os, time
from pathlib import Path
import d2l_helpers as d2l

def experiment(seed):
    Path(f"{seed}-{os.getpid()}.started").touch()
    time.sleep(10**6 if seed > 0 else 0)
    return os.environ["OMP_NUM_THREADS"]

d2l.run_sweep(experiment, [{"seed": seed} for seed in range(5)], "results")
"""


def wait_for(condition, seconds=600):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return value


def is_running(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["to the program", "to its workers, too"])
def test_an_interrupt_keeps_finished_results_and_leaves_no_worker(tmp_path, send):
    (tmp_path / "program.py").write_text(PROGRAM)
    path = os.pathsep.join([str(Path(d2l.__path__[0]).parent), os.environ.get("PYTHONPATH", "")])
    options = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": path}, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "program.py"], start_new_session=True, **options) as process:
        (finished,) = wait_for(lambda: list(tmp_path.glob("results/*.json")))
        started = wait_for(lambda: [*tmp_path.glob("[1-9]-*.started")])
        send(process.pid, signal.SIGINT)
        errors = process.stderr.read()
    assert process.returncode != 0
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1
    assert "Warning" not in errors
    assert json.loads(finished.read_text())["result"] == "1"  # a worker has one thread
    wait_for(lambda: not any(is_running(file.stem.split("-")[1]) for file in started))


def test_a_cluster_gives_the_same_results(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "dask"]
    environment, devnull = {**os.environ, "OMP_NUM_THREADS": "1"}, subprocess.DEVNULL
    local = ["--host", "127.0.0.1", "--no-dashboard"]
    with contextlib.ExitStack() as stack:
        scheduler = [*command, "scheduler", *local, "--port", "0", "--scheduler-file", file]
        worker = [*command, "worker", *local, "--scheduler-file", file, "--nthreads", "2", "--no-nanny"]
        for program in (scheduler, worker):
            process = subprocess.Popen(program, cwd=tmp_path, env=environment, stdout=devnull, stderr=devnull)
            stack.enter_context(process)
            stack.callback(process.kill)
            wait_for(file.exists)
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", json.loads(file.read_text())["address"])
        results = d2l.run_sweep(train, SEEDS, tmp_path / "results")
    assert perplexities(results) == perplexities([train(**configuration) for configuration in SEEDS])
    assert len({result["process"] for result in results} - {os.getpid()}) == 1
    assert d2l.run_sweep(train, SEEDS, tmp_path / "results") == results  # without a cluster by now


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://host", "without the package"])
def test_a_cluster_that_is_not_available_is_named(tmp_path, monkeypatch, is_one_sentence, address):
    if address == "without the package":
        monkeypatch.setitem(sys.modules, "distributed", None)
    else:
        pytest.importorskip("distributed")
    monkeypatch.setattr(sweep, "CLUSTER_TIMEOUT", 1)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
    with pytest.raises(RuntimeError, match=f"DASK_SCHEDULER_ADDRESS must .*got '{address}'") as caught:
        d2l.run_sweep(square, SEEDS[:1], tmp_path)
    assert is_one_sentence(str(caught.value))


# Bad arguments


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"experiment": None}, TypeError, "experiment must be a function, got None"),
        ({"experiment": functools.partial(square)}, TypeError, "experiment must be a function, got functools"),
        ({"experiment": cell("import _thread\nlock = _thread.allocate_lock()\ndef experiment(seed): lock")},
         ValueError, "experiment must be picklable, got .*lock"),
        ({"configurations": {"seed": 1}}, TypeError, "configurations must be a list of dicts"),
        ({"configurations": [1]}, TypeError, "configurations must be a list of dicts"),
        ({"configurations": [{"seed": 1}, {}]}, ValueError, r"configurations\[1\] must be .*, got {} "),
        ({"configurations": [{"seed": {1}}]}, ValueError, r"configurations\[0\] must be "),
        ({"folder": None}, ValueError, "folder must be a directory, got None"),
        ({"folder": "file/below"}, ValueError, "folder must be a directory, got 'file/below'"),
    ],
)  # fmt: skip
def test_an_invalid_argument_is_named_before_anything_runs(
    tmp_path, monkeypatch, in_this_process, is_one_sentence, changes, error, words
):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(error, match=words) as caught:
        d2l.run_sweep(**{"experiment": square, "configurations": SEEDS, "folder": "results", **changes})
    assert is_one_sentence(str(caught.value))
    assert in_this_process == []
