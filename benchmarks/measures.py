"""What `make bench` measures: each function measures one thing and returns plain numbers.

Every competitor lives in a process of its own and waits while another runs. They take turns,
one epoch each, round after round, so whatever slows the machine down for a while slows all of
them down, and ratios hold where seconds do not.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from statistics import median

from worker import flop

HERE = Path(__file__).parent

SIZES = {"vocab_size": 43, "num_hiddens": 256, "num_layers": 2, "num_steps": 35, "batch_size": 32}
LEARNING = {"lr": 100.0, "clipping_theta": 0.01}
NUM_CHARACTERS = 10_000  # of the document's text
WARM_UP = 2  # rounds: compilation, first allocations

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
ALL_THREADS = {"OMP_NUM_THREADS": str(len(os.sched_getaffinity(0)))}
# name: the environment (ours: this interpreter's), the module, environment variables
RUNNERS = {
    "this package": ("ours", "run_d2l_helpers", {}),
    "d2lzh 1.0.0, out of the box": ("ours", "run_d2lzh", {}),
    "PyTorch, eager": ("peers", "run_pytorch", {}),
    "JAX, jitted step": ("peers", "run_jax", {}),
    "this package, one thread": ("ours", "run_d2l_helpers", ONE_THREAD),
    "PyTorch, one thread": ("peers", "run_pytorch", ONE_THREAD),
    "limit: the fused LSTM alone": ("ours", "run_fused_lstm", {}),
    "limit: the network's matrix products": ("peers", "run_network_products", {}),
    "limit: square matrix products": ("peers", "run_square_products", {}),
    "50 characters: this package": ("ours", "run_prediction", {}),
    "50 characters: PyTorch": ("peers", "run_prediction_pytorch", {}),
}
BESIDE_BUSY_PROGRAMS = {
    "this package": RUNNERS["this package"],
    "this package, one thread": RUNNERS["this package, one thread"],
    "this package, all threads": ("ours", "run_d2l_helpers", ALL_THREADS),
    "PyTorch, eager": RUNNERS["PyTorch, eager"],
}
BUSY_PROGRAM = [sys.executable, "-c", "while True: pass"]

# How cost grows: one size changes, the others stay the document's. The text of the batch sizes
# grows with them, so that an epoch is always eight minibatches.
BATCH_SIZES = (8, 16, 32, 64)
MINIBATCHES = 8
GROWTH = {
    "characters in the corpus": [{"num_characters": n} for n in (10_000, 20_000, 40_000)],
    "layers": [{"num_layers": n} for n in (1, 2, 3, 4)],
    "batch size": [{"batch_size": n, "num_characters": n * (MINIBATCHES * 35 + 1)} for n in BATCH_SIZES],
    "hidden units": [{"num_hiddens": n} for n in (64, 128, 256, 512)],
}

MEMORY_EPOCHS = (50, 300)
MEMORY_CHARACTERS = 32 * (35 + 1)  # one minibatch: what stays behind, stays behind at every step
LONG_CORPUS = 5_000_000
# A small network with a large minibatch, so that the long text takes seconds; the text weighs the same.
LONG_CORPUS_SIZES = {"num_hiddens": 8, "num_layers": 1, "batch_size": 1024}
BYTES_PER_CHARACTER = 8  # of the list that load_data_time_machine returns: a pointer each

SWEEPS = {"run_sweep": (2, 8), "processes": (2, 8), "one process": (1, 3)}  # few runs and many, each way

START = "import time; start = time.perf_counter()"
FIRST_REPORT = """
import d2l_helpers as d2l
from mxnet.gluon import rnn
text = d2l.load_data_time_machine()
d2l.Training(d2l.RNNModel(rnn.LSTM(256, 2), text[-1]), text, num_epochs=1, pred_period=1).run()
"""
STARTS = {  # what a reader waits for in a new process
    "import mxnet": "import mxnet",
    "import d2l_helpers": "import d2l_helpers",
    "import to first report": FIRST_REPORT,
}


class Worker:
    """A process that runs epochs of one competitor, one whenever it is told to."""

    def __init__(self, interpreter, module, environment, **settings):
        # The competitors shall find their own number of threads.
        clean = {name: value for name, value in os.environ.items() if not re.match("(OMP|GOMP|KMP|MKL|MXNET)_", name)}
        self.process = subprocess.Popen(
            [interpreter, HERE / "worker.py", module, json.dumps(SIZES | LEARNING | settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean | environment,
            text=True,
        )
        self.versions = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(map(str, self.process.args[2:]))} ended too early: its error stands above.")
        return json.loads(line)

    def epoch(self):
        """Run one; returns what worker.py reports."""
        print(file=self.process.stdin, flush=True)
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def progress(text):
    """Show what goes on, on one line, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def interleaved(workers, rounds, title, warm_up=WARM_UP):
    """One epoch each, in turn, `rounds` times after warm_up; ends the workers. Returns a list of reports for each."""
    reports = [[] for _ in workers]
    for number in range(-warm_up, rounds):
        progress(f"{title}: round {max(number + 1, 0)} of {rounds}")
        for worker, its_reports in zip(workers, reports, strict=True):
            report = worker.epoch()
            if number >= 0:
                its_reports.append(report)
    for worker in workers:
        worker.close()
    return reports


def compare(runners, interpreters, corpus, rounds, title="peers", warm_up=WARM_UP):
    """Each of the runners: its versions, its reports, and their medians."""
    workers = [
        Worker(interpreters[env], module, variables, corpus=corpus) for env, module, variables in runners.values()
    ]
    results = {}
    for name, worker, reports in zip(runners, workers, interleaved(workers, rounds, title, warm_up), strict=True):
        results[name] = {
            "versions": worker.versions,
            "threads": reports[-1]["threads"],
            "seconds": median(report["seconds"] for report in reports),
            "cores_used": median(report["cores_used"] for report in reports),
            "cpu_asleep": max(report["cpu_asleep"] for report in reports),
            "perplexity": reports[-1]["perplexity"],
            "reports": reports,
        }
    return results


def times(results, other, reference):
    """The median over the rounds of how many times the reference's seconds the other one took."""
    pairs = zip(results[other]["reports"], results[reference]["reports"], strict=True)
    return median(one["seconds"] / our["seconds"] for one, our in pairs)


@contextlib.contextmanager
def busy_programs(number):
    """Inside this `with` statement that many programs compute without a pause."""
    programs = [subprocess.Popen(BUSY_PROGRAM) for _ in range(number)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def beside_busy_programs(number, interpreters, corpus, rounds):
    """BESIDE_BUSY_PROGRAMS, as `compare` returns them, beside that many."""
    with busy_programs(number):
        return compare(BESIDE_BUSY_PROGRAMS, interpreters, corpus, rounds, f"beside {number} busy programs", warm_up=1)


def recovery(interpreters, corpus):
    """Seconds of training from the end of a busy program to the first of two epochs at full speed."""
    environment, module, variables = RUNNERS["this package"]
    worker = Worker(interpreters[environment], module, variables, corpus=corpus)
    full_speed = median([worker.epoch()["seconds"] for _ in range(12)][4:])
    with busy_programs(1):
        for number in range(12):
            progress(f"recovery: busy epoch {number + 1} of 12")
            worker.epoch()
    seconds = []
    while len(seconds) < 60 and not (len(seconds) > 1 and max(seconds[-2:]) < 1.2 * full_speed):
        progress(f"recovery: epoch {len(seconds) + 1}")
        seconds.append(worker.epoch()["seconds"])
    worker.close()
    return sum(seconds[:-2])


def growth(interpreter, rounds):
    """For each of GROWTH: the sizes, median seconds of an epoch, and the slopes in a log-log picture."""
    import numpy as np

    results = {}
    for what, changes in GROWTH.items():
        all_settings = [SIZES | {"num_characters": NUM_CHARACTERS} | change for change in changes]
        workers = [Worker(interpreter, "run_d2l_helpers", ALL_THREADS, **settings) for settings in all_settings]
        reports = interleaved(workers, rounds, f"growth with {what}", warm_up=1)
        sizes = [next(iter(change.values())) for change in changes]
        seconds = [median(report["seconds"] for report in its_reports) for its_reports in reports]
        operations = [flop(**settings) for settings in all_settings]
        exponent, intercept = np.polyfit(np.log(sizes), np.log(seconds), 1)
        results[what] = {
            "sizes": sizes,
            "seconds": seconds,
            "exponent": exponent,
            "seconds_fitted": np.exp(np.polyval([exponent, intercept], np.log(sizes))).tolist(),
            "exponent_of_arithmetic": np.polyfit(np.log(sizes), np.log(operations), 1)[0],
        }
    return results


def memory(interpreter):
    """Peak resident size: after few and many epochs of the document's network, and for a long corpus."""
    worker = Worker(interpreter, "run_d2l_helpers", {}, num_characters=MEMORY_CHARACTERS)
    peaks = {}
    for epoch in range(1, max(MEMORY_EPOCHS) + 1):
        if epoch % 50 == 0:
            progress(f"memory: epoch {epoch} of {max(MEMORY_EPOCHS)}")
        peak = worker.epoch()["peak_bytes"]
        if epoch in MEMORY_EPOCHS:
            peaks[epoch] = peak
    worker.close()

    progress(f"memory: {LONG_CORPUS:,} characters")
    short_corpus = LONG_CORPUS_SIZES["batch_size"] * (SIZES["num_steps"] + 1)
    long_and_short = []
    for num_characters in (LONG_CORPUS, short_corpus):
        worker = Worker(interpreter, "run_d2l_helpers", {}, **LONG_CORPUS_SIZES, num_characters=num_characters)
        long_and_short.append(worker.epoch()["peak_bytes"])
        worker.close()
    return {
        "peak_bytes_after_epochs": peaks,
        "long_corpus_bytes": long_and_short[0] - long_and_short[1],
        "long_corpus_multiple": (long_and_short[0] - long_and_short[1]) / (LONG_CORPUS * BYTES_PER_CHARACTER),
    }


def starts(interpreter, rounds):
    """Median seconds that each of STARTS takes in a new process."""
    seconds = {name: [] for name in STARTS}
    for number in range(rounds):
        progress(f"starts: round {number + 1} of {rounds}")
        for name, code in STARTS.items():
            code = f"{START}\n{code}\nprint(time.perf_counter() - start)"
            printed = subprocess.check_output([interpreter, "-c", code], text=True)
            seconds[name].append(float(printed.splitlines()[-1]))
    return {name: median(values) for name, values in seconds.items()}


def sweeps(interpreter, rounds):
    """For each of SWEEPS (run_sweeps.py): seconds to start, and runs per minute from then on.

    The ways take turns, and the fastest of the rounds counts: whatever else the machine does only makes it slower.
    """
    took = {(way, number): [] for way, numbers in SWEEPS.items() for number in numbers}
    for turn in range(rounds):
        for way, number in took:
            progress(f"sweeps: round {turn + 1} of {rounds}, {number} runs, {way}")
            printed = subprocess.check_output([interpreter, HERE / "run_sweeps.py", way, str(number)])
            took[way, number].append(float(printed))
    results = {}
    for way, (few, many) in SWEEPS.items():
        each = (min(took[way, many]) - min(took[way, few])) / (many - few)
        results[way] = {"runs_per_minute": 60 / each, "seconds_to_start": min(took[way, few]) - few * each}
    return results


def time_machine(interpreter, path):
    """Write the document's text, as indices, to path: in a process of its own, because the helpers choose threads."""
    code = f"import json, d2l_helpers as d2l; print(json.dumps(d2l.load_data_time_machine({NUM_CHARACTERS})[0]))"
    path.write_bytes(subprocess.check_output([interpreter, "-c", code]))
    return str(path)
