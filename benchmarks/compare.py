"""Measure this package against its peers and against the machine's limits; `make bench` runs it.

Every competitor lives in a process of its own and waits while another runs. They take turns,
one epoch each, round after round, so whatever slows the machine down for a while slows all of
them down, and ratios hold where seconds do not.

Prints one table; writes benchmark.png and benchmark.json to the output folder.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from worker import flop

HERE = Path(__file__).parent
GIGA = 1e9

SIZES = {"vocab_size": 43, "num_hiddens": 256, "num_layers": 2, "num_steps": 35, "batch_size": 32}
LEARNING = {"lr": 100.0, "clipping_theta": 0.01}
NUM_CHARACTERS = 10_000  # of the document's text
WARM_UP = 2  # rounds: compilation, first allocations

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
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
    "50 characters of prediction": ("ours", "run_prediction", {}),
}

# How cost grows: one size changes, the others stay the document's. The text of the batch sizes
# grows with them, so that an epoch is always eight minibatches.
BATCH_SIZES = (8, 16, 32, 64, 128)
MINIBATCHES = 8
GROWTH = {
    "characters in the corpus": [{"num_characters": n} for n in (10_000, 20_000, 40_000, 80_000, 178_979)],
    "layers": [{"num_layers": n} for n in (1, 2, 3, 4)],
    "batch size": [{"batch_size": n, "num_characters": n * (MINIBATCHES * 35 + 1)} for n in BATCH_SIZES],
    "hidden units": [{"num_hiddens": n} for n in (64, 128, 256, 512, 1024)],
}
GROWTH_ROUNDS = 3

MEMORY_EPOCHS = (50, 500)
MEMORY_CHARACTERS = 32 * (35 + 1)  # one minibatch: what stays behind, stays behind at every step
LONG_CORPUS = 10_000_000
# A small network with a large minibatch, so that the long text takes seconds; the text weighs the same.
LONG_CORPUS_SIZES = {"num_hiddens": 8, "num_layers": 1, "batch_size": 1024}
BYTES_PER_CHARACTER = 8  # of the list that load_data_time_machine returns: a pointer each

IMPORTS = ("mxnet", "d2l_helpers")
IMPORT_ROUNDS = 7


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


def interleaved(workers, rounds, title):
    """One epoch each, in turn, `rounds` times after WARM_UP; ends the workers. Returns a list of reports for each."""
    reports = [[] for _ in workers]
    for number in range(-WARM_UP, rounds):
        progress(f"{title}: round {max(number + 1, 0)} of {rounds}")
        for worker, its_reports in zip(workers, reports, strict=True):
            report = worker.epoch()
            if number >= 0:
                its_reports.append(report)
    for worker in workers:
        worker.close()
    return reports


def compare(interpreters, corpus, rounds):
    """All RUNNERS: for each its versions, its reports, and their medians."""
    workers = [
        Worker(interpreters[env], module, variables, corpus=corpus) for env, module, variables in RUNNERS.values()
    ]
    results = {}
    for name, worker, reports in zip(RUNNERS, workers, interleaved(workers, rounds, "peers"), strict=True):
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


def growth(interpreter):
    """For each of GROWTH: the sizes, median seconds of an epoch, and the slopes in a log-log picture."""
    import numpy as np

    results = {}
    for what, changes in GROWTH.items():
        all_settings = [SIZES | {"num_characters": NUM_CHARACTERS} | change for change in changes]
        workers = [Worker(interpreter, "run_d2l_helpers", {}, **settings) for settings in all_settings]
        reports = interleaved(workers, GROWTH_ROUNDS, f"growth with {what}")
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


def import_seconds(interpreter):
    """Median seconds that each of IMPORTS takes in a fresh process."""
    seconds = {name: [] for name in IMPORTS}
    for number in range(IMPORT_ROUNDS):
        progress(f"imports: round {number + 1} of {IMPORT_ROUNDS}")
        for name in IMPORTS:
            code = f"import time; start = time.perf_counter(); import {name}; print(time.perf_counter() - start)"
            seconds[name].append(float(subprocess.check_output([interpreter, "-c", code])))
    return {name: median(values) for name, values in seconds.items()}


def time_machine(interpreter, path):
    """Write the document's text, as indices, to path: in a process of its own, because the helpers choose threads."""
    code = f"import json, d2l_helpers as d2l; print(json.dumps(d2l.load_data_time_machine({NUM_CHARACTERS})[0]))"
    path.write_bytes(subprocess.check_output([interpreter, "-c", code]))
    return str(path)


def versions_in(environment, peers):
    """The versions of the packages in one of the environments, as its competitors told them."""
    name = next(name for name, (its_environment, _, _) in RUNNERS.items() if its_environment == environment)
    return peers[name]["versions"]


def processor():
    """The processor's name, as Linux tells it."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def table(result):
    """The result as text: competitors, limits, growth, memory, and each target with what was reached."""
    peers, arithmetic = result["peers"], result["flop_per_epoch"]
    ours = peers["this package"]

    def times(other, reference="this package"):
        """The median over the rounds of how many times the other's seconds one round took."""
        pairs = zip(peers[other]["reports"], peers[reference]["reports"], strict=True)
        return median(one["seconds"] / our["seconds"] for one, our in pairs)

    def verdict(reached):
        return "reached" if reached else "MISSED"

    lines = [
        f"{result['processor']}, {result['cores']} processors; {result['rounds']} interleaved rounds, medians",
        *(
            f"{environment}: {', '.join(f'{package} {version}' for package, version in versions.items())}"
            for environment, versions in result["versions"].items()
        ),
        "",
        f"{'':38}{'s/epoch':>8}{'ours = 1':>10}{'GFLOP/s':>9}{'cores used':>12}{'perplexity':>12}",
    ]
    for name, of in peers.items():
        rate = "" if "prediction" in name else f"{arithmetic / GIGA / of['seconds']:.0f}"
        perplexity = "" if of["perplexity"] is None else f"{of['perplexity']:.4f}"
        lines.append(
            f"{name:38}{of['seconds']:8.3f}{times(name):10.2f}{rate:>9}{of['cores_used']:12.2f}{perplexity:>12}"
        )

    perplexities = [of["perplexity"] for of in peers.values() if of["perplexity"] is not None]
    apart = max(perplexities) / min(perplexities) - 1
    asleep = max(of["cpu_asleep"] for of in peers.values())
    outside = 1 - times("limit: the fused LSTM alone")
    shapes, square = times("limit: the network's matrix products"), times("limit: square matrix products")
    few, many = result["memory"]["peak_bytes_after_epochs"].values()
    extra = result["imports"]["d2l_helpers"] - result["imports"]["mxnet"]
    prediction = peers["50 characters of prediction"]["seconds"]
    one_thread = times("PyTorch, one thread", "this package, one thread")
    versus = {name: times(name) for name in list(RUNNERS)[1:4]}
    lines += ["", f"{'target':62}{'measured':>12}"]
    for target, value, reached in [
        *(
            (f"at least {least} times as fast as {name}", f"{versus[name]:.2f}", versus[name] >= least)
            for name, least in zip(versus, (2.2, 1.15, 1.5), strict=True)
        ),
        ("on one thread, at least as fast as PyTorch", f"{one_thread:.2f}", one_thread >= 1),
        ("perplexities at most 2 % apart", f"{apart:.2%}", apart <= 0.02),
        ("at least 80 % of the rate of square products", f"{square:.0%}", square >= 0.8),
        ("at least 80 % of the rate of the network's own products", f"{shapes:.0%}", shapes >= 0.8),
        ("at most 6 % of an epoch outside the fused LSTM", f"{outside:.1%}", outside <= 0.06),
        *(
            (
                f"seconds = {what} ^ at most {most} (arithmetic: {of['exponent_of_arithmetic']:.2f})",
                f"{of['exponent']:.2f}",
                of["exponent"] <= max(most, of["exponent_of_arithmetic"]) + 0.05,
            )
            for (what, of), most in zip(result["growth"].items(), (1, 1, 1, 2), strict=True)
        ),
        (
            "peak memory after {1} epochs at most 5 % above that after {0}".format(*MEMORY_EPOCHS),
            f"{many / few - 1:+.1%}",
            many / few <= 1.05,
        ),
        (
            f"{LONG_CORPUS:,} characters: memory as a multiple of their list",
            f"{result['memory']['long_corpus_multiple']:.1f}",
            result["memory"]["long_corpus_multiple"] <= 4,
        ),
        ("import takes at most 0.3 s more than MXNet's", f"{extra:.2f} s", extra <= 0.3),
        ("prediction of 50 characters under 0.1 s", f"{prediction:.3f} s", prediction < 0.1),
    ]:
        lines.append(f"{target:62}{value:>12}  {verdict(reached)}")
    lines += [
        "",
        f"An epoch is {arithmetic / GIGA:.1f} GFLOP; ours takes {ours['seconds']:.3f} s. Processor time of any"
        f" competitor while another ran: {asleep * 1000:.0f} ms at most. Took {result['took'] / 60:.1f} minutes.",
    ]
    return "\n".join(lines)


def picture(result, path):
    """Competitors as bars, and growth as a log-log plot."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullLocator

    figure, axes = plt.subplots(1, 1 + len(result["growth"]), figsize=(17, 3.6), width_ratios=[2.2, 1, 1, 1, 1])
    bars, *panels = axes
    epochs = {name: of["seconds"] for name, of in result["peers"].items() if "prediction" not in name}
    shades = ["black" if "this" in name else "lightgrey" if "limit" in name else "grey" for name in epochs]
    bars.barh(list(epochs), list(epochs.values()), color=shades)
    bars.invert_yaxis()
    bars.set(xlabel="seconds per epoch (median)", title="This package, its peers and the limits")
    for panel, (what, of) in zip(panels, result["growth"].items(), strict=True):
        panel.loglog(of["sizes"], of["seconds"], "ko")
        panel.loglog(of["sizes"], of["seconds_fitted"], color="grey")
        panel.set_xticks(of["sizes"], [f"{size:,}" for size in of["sizes"]], rotation=40)
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set(xlabel=what, title=f"slope {of['exponent']:.2f}")
        panel.grid(linewidth=0.3)
    panels[0].set_ylabel("seconds per epoch")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def progress(text):
    """Show what goes on, on one line, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--peers", required=True, help="the Python that has PyTorch and JAX")
    arguments.add_argument("--rounds", type=int, default=25, help="measured epochs of each competitor")
    arguments.add_argument("--output", type=Path, default=Path("build"), help="folder for the picture and the JSON")
    options = arguments.parse_args()
    options.output.mkdir(exist_ok=True)
    interpreters = {"ours": sys.executable, "peers": options.peers}

    start = time.perf_counter()
    corpus = time_machine(sys.executable, options.output / "benchmark-corpus.json")
    peers = compare(interpreters, corpus, options.rounds)
    result = {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "versions": {environment: versions_in(environment, peers) for environment in interpreters},
        "rounds": options.rounds,
        "flop_per_epoch": flop(NUM_CHARACTERS, **SIZES),
        "peers": peers,
        "growth": growth(sys.executable),
        "memory": memory(sys.executable),
        "imports": import_seconds(sys.executable),
    }
    result["took"] = time.perf_counter() - start
    progress("")
    print(table(result))
    (options.output / "benchmark.json").write_text(json.dumps(result, indent=1))
    picture(result, options.output / "benchmark.png")


if __name__ == "__main__":
    main()
