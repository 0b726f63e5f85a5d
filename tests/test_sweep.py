"""A sweep gives the same results wherever its runs are computed, computes each once, and loses none."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import mxnet as mx
import pytest
from distributed import LocalCluster
from mxnet.gluon import rnn

import d2l_helpers as d2l
from d2l_helpers.engine import sweep

ROOT = Path(__file__).resolve().parent.parent
SEEDS = [{"seed": seed, "started": None} for seed in range(6)]


def train(seed, started):
    """The perplexities of a small deep LSTM; leaves a file that says which process began it."""
    if started:
        (Path(started) / f"{seed}-{os.getpid()}-{time.monotonic_ns()}").touch()
    mx.random.seed(seed)
    corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_time_machine(1000)
    model = d2l.RNNModel(rnn.LSTM(8, 2), vocab_size)
    history = d2l.train_and_predict_rnn_gluon(
        model, 8, vocab_size, mx.cpu(), corpus_indices, idx_to_char, char_to_idx,
        num_epochs=3, num_steps=10, lr=10, clipping_theta=0.01, batch_size=4, pred_period=1, pred_len=2, prefixes=["a"],
    )  # fmt: skip
    return history.perplexity


def wait_to_be_killed(seed, started):
    """As train, but the very first run never ends by itself."""
    with contextlib.suppress(FileExistsError):
        (Path(started) / "victim").mkdir()  # which only one of two can do
        (Path(started) / f"victim-{os.getpid()}").touch()
        threading.Event().wait()
    return train(seed, started)


def fail_with_two(seed, started):
    """As train, but not for the seed 2."""
    if seed == 2:
        raise ZeroDivisionError("two is not allowed")
    return train(seed, started)


def end_its_process(seed):
    """What a run does to its worker that uses up the machine's memory."""
    os._exit(1)


def return_a_set(seed):
    """JSON has no sets."""
    return {seed}


def into(folder, configurations=SEEDS):
    """The configurations of runs that leave a file in this folder when they begin."""
    folder.mkdir(exist_ok=True)
    return [configuration | {"started": str(folder)} for configuration in configurations]


@pytest.fixture(scope="module")
def expected():
    """The results, computed one after the other in this process."""
    return [train(**configuration) for configuration in SEEDS]


@contextlib.contextmanager
def processes():
    """A function that starts a Dask program; all of them end with the block."""
    running = []

    def start(*arguments):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "dask", *map(str, arguments)],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
        )
        return running[-1]

    try:
        yield start
    finally:
        for process in running:
            process.kill()
            process.wait()


def wait_for(condition, seconds=1800):
    """The value of a condition as soon as it is true; a machine may be as busy as it likes."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return value


def address_in(scheduler_file):
    with contextlib.suppress(OSError, ValueError):  # it is not there yet, or not yet whole
        return json.loads(scheduler_file.read_text())["address"]


@pytest.fixture(scope="module")
def cluster_in_this_process():
    """The address of a Dask cluster that takes no time to start, for what does not depend on processes."""
    pages = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", scheduler_kwargs=pages
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def here(cluster_in_this_process, monkeypatch):
    """Sweeps are computed in this process."""
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster_in_this_process)


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A scheduler and two worker processes of two threads on this machine."""
    file = tmp_path / "scheduler.json"
    with processes() as start:
        start("scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file)
        address = wait_for(lambda: address_in(file))
        for _ in range(2):
            start("worker", address, "--host", "127.0.0.1", "--nthreads", 2, "--no-nanny", "--no-dashboard",
                  "--local-directory", tmp_path)  # fmt: skip
        monkeypatch.setattr(sweep, "SECONDS_TO_WAIT_FOR_A_CLUSTER", 3600)
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
        yield address


@pytest.fixture
def as_if_another_sweep_were_running():
    """The port that Dask takes unless it is told otherwise is taken."""
    with socket.socket() as server:
        with contextlib.suppress(OSError):  # then it is taken indeed
            server.bind(("127.0.0.1", 8787))
            server.listen()
        yield


def test_a_worker_that_cannot_reach_its_scheduler_any_more_does_not_say_so(tmp_path, capfd):
    def complain():
        import logging

        worker = logging.getLogger("distributed.worker")
        worker.error("Failed to communicate with scheduler during heartbeat.")
        return worker.getEffectiveLevel()

    assert d2l.run_sweep(complain, [{}], tmp_path) == [50]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("as_if_another_sweep_were_running")
@pytest.mark.parametrize("cores", [1, 2])
def test_results_do_not_depend_on_the_number_of_local_workers(tmp_path, monkeypatch, capfd, recwarn, expected, cores):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    monkeypatch.setattr(sweep, "usable_cores", lambda: cores)
    assert d2l.run_sweep(train, into(tmp_path / "started"), tmp_path / "results") == expected
    began = [file.name.split("-")[1] for file in (tmp_path / "started").iterdir()]
    assert len(began) == len(SEEDS)
    assert len(set(began)) <= cores
    assert str(os.getpid()) not in began
    assert capfd.readouterr() == ("", "")  # what runs print is lost, and Dask is quiet
    assert [warning.message for warning in recwarn if warning.category is UserWarning] == []


def test_a_cluster_that_loses_a_worker_in_the_middle_gives_the_same_results(tmp_path, cluster, expected):
    started = tmp_path / "started"
    configurations = into(started)
    with subprocess.Popen([sys.executable, "-c", KILL_THE_VICTIM, started]) as killer:
        try:
            assert d2l.run_sweep(wait_to_be_killed, configurations, tmp_path / "results") == expected
            assert killer.wait() == 0
        finally:
            killer.kill()
    pids = {file.name.split("-")[1] for file in started.iterdir() if not file.name.startswith("victim")}
    (victim,) = (file.name.split("-")[1] for file in started.glob("victim-*"))
    assert pids - {victim}
    assert not is_running(int(victim))


KILL_THE_VICTIM = """
import os, pathlib, signal, sys, time
started = pathlib.Path(sys.argv[1])
while not (list(started.glob("victim-*")) and list(started.glob("[0-9]-*"))):  # the other worker is at work, too
    time.sleep(0.02)
(victim,) = started.glob("victim-*")
os.kill(int(victim.name.split("-")[1]), signal.SIGKILL)
"""


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def test_a_finished_run_is_never_repeated(tmp_path, here, expected):
    configurations = into(tmp_path / "started")
    results = tmp_path / "new" / "results"
    assert d2l.run_sweep(train, configurations[:2], results) == expected[:2]
    before = set(results.iterdir())
    assert d2l.run_sweep(train, [*configurations[3:1:-1], *configurations[:2], configurations[0]], results) == [
        *expected[3:1:-1], *expected[:2], expected[0],
    ]  # fmt: skip
    assert before < set(results.iterdir())
    assert sorted(file.name[0] for file in (tmp_path / "started").iterdir()) == list("0123")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, cluster_in_this_process):
    """A folder with the result of the first seed."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASK_SCHEDULER_ADDRESS", cluster_in_this_process)
        d2l.run_sweep(train, SEEDS[:1], folder)
    return folder


def test_with_all_runs_finished_no_cluster_is_needed(finished, monkeypatch, expected):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:1")
    assert d2l.run_sweep(train, SEEDS[:1], finished) == expected[:1]


def test_a_result_s_file_says_what_it_is_the_result_of(finished, expected):
    (file,) = finished.iterdir()
    assert file.name.startswith("seed=0,started=None-")
    assert json.loads(file.read_text()) == {"configuration": SEEDS[0], "result": expected[0]}


EXPERIMENT = """
class Model:
    def factor(self): return FACTOR

def experiment(seed): return [seed * Model().factor()]
"""


def test_a_changed_class_makes_the_experiment_run_again(tmp_path, here, monkeypatch):
    for factor in (2, 3, 2):
        module = write_module(tmp_path, EXPERIMENT.replace("FACTOR", str(factor)), monkeypatch)
        assert d2l.run_sweep(module.experiment, [{"seed": 4}], tmp_path / "results") == [[4 * factor]]
    assert len(list((tmp_path / "results").iterdir())) == 2


def test_what_is_imported_is_run_whatever_the_file_says_by_then(tmp_path, monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    module = write_module(tmp_path, EXPERIMENT.replace("FACTOR", "2"), monkeypatch)
    (tmp_path / "experiments.py").write_text(EXPERIMENT.replace("FACTOR", "3"))
    assert d2l.run_sweep(module.experiment, [{"seed": 4}], tmp_path / "results") == [[8]]


def write_module(folder, source, monkeypatch):
    """A module named experiments, imported from this source."""
    (folder / "experiments.py").write_text(source)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # which would be taken for that of the next source
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "experiments", raising=False)
    import experiments

    return experiments


def test_a_failing_run_is_named_after_all_others_are_kept(tmp_path, here, expected, is_one_sentence):
    configurations = into(tmp_path / "started")
    with pytest.raises(RuntimeError) as caught:
        d2l.run_sweep(fail_with_two, configurations, tmp_path / "results")
    message = str(caught.value)
    assert str(configurations[2]) in message
    assert "ZeroDivisionError: two is not allowed" in message
    assert "of 6 configurations 1 failed" in message
    assert is_one_sentence(message)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    others = [configuration for configuration in configurations if configuration["seed"] != 2]
    assert d2l.run_sweep(fail_with_two, others, tmp_path / "results") == [*expected[:2], *expected[3:]]
    assert sorted(file.name[0] for file in (tmp_path / "started").iterdir()) == list("01345")


@pytest.mark.parametrize(
    ("experiment", "words"), [(end_its_process, "KilledWorker"), (return_a_set, "Object of type set is not JSON")]
)
def test_a_run_that_kills_its_worker_or_returns_no_json_is_named(tmp_path, experiment, words):
    once = dask.config.set({"distributed.scheduler.allowed-failures": 0})  # by default it takes four workers' lives
    with once, pytest.raises(RuntimeError, match=words) as caught:
        d2l.run_sweep(experiment, [{"seed": 7}], tmp_path)
    assert str(caught.value).startswith(f"{experiment.__name__} failed with {{'seed': 7}}")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_keeps_what_is_finished_and_leaves_no_worker(tmp_path):
    program = f"""
import time
from pathlib import Path
import d2l_helpers as d2l

def experiment(seed, started):
    import os
    Path(started, f"{{seed}}-{{os.getpid()}}").touch()
    if seed > 0:
        time.sleep(10**6)
    return "OMP_NUM_THREADS=1" in Path("/proc/self/environ").read_text().split("\\0")

if __name__ == "__main__":
    configurations = [dict(seed=seed, started={str(tmp_path / "started")!r}) for seed in range(5)]
    d2l.run_sweep(experiment, configurations, {str(tmp_path / "results")!r})
"""
    (tmp_path / "started").mkdir()
    (tmp_path / "program.py").write_text(program)
    process = subprocess.Popen([sys.executable, tmp_path / "program.py"], stderr=subprocess.PIPE, text=True)
    finished = wait_for(lambda: list(tmp_path.glob("results/*.json")))
    wait_for(lambda: len(list((tmp_path / "started").iterdir())) >= 2)
    process.send_signal(signal.SIGINT)
    assert process.wait() != 0
    assert process.stderr.read().rstrip().endswith("KeyboardInterrupt")
    assert [json.loads(file.read_text())["result"] for file in finished] == [True]  # a worker has one thread
    workers = {int(file.name.split("-")[1]) for file in (tmp_path / "started").iterdir()}
    wait_for(lambda: not any(is_running(pid) for pid in workers))


def test_no_configurations_give_no_results(tmp_path):
    assert d2l.run_sweep(train, [], tmp_path) == []


# Bad input


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://host"])
def test_a_cluster_that_does_not_answer_is_told(tmp_path, monkeypatch, is_one_sentence, address):
    monkeypatch.setattr(sweep, "SECONDS_TO_WAIT_FOR_A_CLUSTER", 1)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
    with pytest.raises(RuntimeError, match=f"DASK_SCHEDULER_ADDRESS is '{address}'") as caught:
        d2l.run_sweep(train, SEEDS[:1], tmp_path)
    assert is_one_sentence(str(caught.value))


def test_a_damaged_result_is_told_and_left_alone(tmp_path, finished, is_one_sentence):
    (result,) = finished.iterdir()
    file = tmp_path / result.name
    for damaged in ("", '{"configuration"', "[]", "{}", "3"):
        file.write_text(damaged)
        with pytest.raises(ValueError, match="damaged") as caught:
            d2l.run_sweep(train, SEEDS[:1], tmp_path)
        assert is_one_sentence(str(caught.value))
        assert file.name in str(caught.value)
        assert file.read_text() == damaged


rate = 3


def uses_a_variable(seed):
    return [rate * s for s in [seed]]


def of_a_closure(value):
    def experiment(seed):
        return value * seed

    return experiment


@pytest.mark.parametrize(
    ("experiment", "words"), [(uses_a_variable, "the variable rate=3"), (of_a_closure(5), "the variable value=5")]
)
def test_an_experiment_that_depends_on_more_than_its_arguments_is_refused(tmp_path, experiment, words, is_one_sentence):
    with pytest.raises(ValueError, match=words) as caught:
        d2l.run_sweep(experiment, [{"seed": 1}], tmp_path)
    assert is_one_sentence(str(caught.value))


@pytest.mark.parametrize("experiment", [None, "train", print])
def test_what_is_not_a_function_is_refused(tmp_path, experiment, is_one_sentence):
    with pytest.raises(TypeError, match="experiment must be a function, not") as caught:
        d2l.run_sweep(experiment, [{"seed": 1}], tmp_path)
    assert is_one_sentence(str(caught.value))


@pytest.mark.parametrize("configurations", [None, 3, {"seed": 1}, [1], "seed"])
def test_configurations_that_are_no_list_of_dicts_are_refused(tmp_path, configurations, is_one_sentence):
    with pytest.raises(TypeError, match="configurations must be a list of dicts") as caught:
        d2l.run_sweep(train, configurations, tmp_path)
    assert is_one_sentence(str(caught.value))


@pytest.mark.parametrize(
    "bad", [{}, {"seed": 1}, {"seed": 1, "started": None, "more": 2}, {"seed": {1}, "started": None}]
)
def test_a_configuration_that_does_not_fit_the_experiment_is_refused(tmp_path, bad, is_one_sentence):
    with pytest.raises(ValueError, match=r"configurations\[1\]=") as caught:
        d2l.run_sweep(train, [SEEDS[0], bad], tmp_path)
    assert is_one_sentence(str(caught.value))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["file", None, "file/below"])
def test_a_folder_that_cannot_be_made_is_refused(tmp_path, monkeypatch, folder, is_one_sentence):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(ValueError, match="folder") as caught:
        d2l.run_sweep(train, SEEDS, folder)
    assert is_one_sentence(str(caught.value))
