"""Compare the speed of this package with other implementations of the same training run: `make bench`.

Every implementation has its own process. In each round, every process runs one epoch while the others wait.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from problem import PREDICTED_CHARACTERS, PREDICTIONS

HERE = Path(__file__).parent
OURS = "one epoch, this package"
PREDICTION = f"{PREDICTIONS} predictions of {PREDICTED_CHARACTERS} characters, "
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
SIZES = {"num_characters": (5000, 20_000), "num_layers": (1, 4), "batch_size": (16, 64), "num_hiddens": (128, 512)}
AVX2 = {
    "DNNL_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell",  # MXNet
    "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",  # PyTorch
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",  # JAX
}  # fmt: skip


class Case(NamedTuple):
    """A function in implementations/, its interpreter, environment variables, and changes to the Problem."""

    module: str
    function: str = "train"
    python: str = sys.executable
    environment: dict = {}
    changes: dict = {}


def all_cases(peers):
    """Return the rows of the table, name -> Case; peers is the interpreter that has PyTorch and JAX."""
    return {
        OURS: Case("package"),
        "one epoch, d2lzh 1.0.0": Case("d2lzh_2019"),
        "one epoch, PyTorch": Case("pytorch", python=peers),
        "one epoch, JAX": Case("jax_scan", python=peers),
        "one epoch, this package, one thread": Case("package", environment=ONE_THREAD),
        "one epoch, PyTorch, one thread": Case("pytorch", python=peers, environment=ONE_THREAD),
        "MXNet's fused LSTM operator alone": Case("fused_operator"),
        f"{PREDICTION}this package": Case("package", "predict"),
        f"{PREDICTION}PyTorch": Case("pytorch", "predict", peers),
        "new process, from its start to the first report": Case("first_report", "start"),
    } | {
        f"one epoch, this package, {name}={size}": Case("package", changes={name: size})
        for name, sizes in SIZES.items()
        for size in sizes
    }


class Worker:
    """A process that runs one epoch at a time."""

    def __init__(self, case, variables):
        # The implementations choose their own number of threads.
        inherited = {name: value for name, value in os.environ.items() if not re.match("(OMP|GOMP|KMP|MXNET)_", name)}
        self.process = subprocess.Popen(
            [case.python, HERE / "worker.py", case.module, case.function, json.dumps(case.changes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=inherited | variables | case.environment,
        )
        self.versions = self._read()
        self.seconds, self.result = [], None

    def epoch(self):
        """Run an epoch; keep its seconds, and the result of the first epoch."""
        print(file=self.process.stdin, flush=True)
        epoch = self._read()
        self.seconds.append(epoch["seconds"])
        self.result = self.result or epoch["result"]

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()

    def _read(self):
        if line := self.process.stdout.readline():
            return json.loads(line)
        raise SystemExit(f"benchmarks/worker.py {' '.join(self.process.args[2:])} failed; see its error above.")


def run(cases, variables, rounds, seconds):
    """Run all cases in random order in each round, the first to warm up; return a Worker for each case.

    When the time is up, the current round does not count, unless it is one of the first three.
    """
    end = time.monotonic() + seconds
    workers = {name: Worker(case, variables) for name, case in cases.items()}
    complete = 0
    while complete <= rounds:
        for worker in random.sample(list(workers.values()), len(workers)):
            if complete > 2 and time.monotonic() > end:
                rounds = 0
                break
            worker.epoch()
        else:
            complete += 1
            print(f"Round {complete - 1} of {rounds}", file=sys.stderr)
    for worker in workers.values():
        worker.close()
        worker.seconds = worker.seconds[1:complete]
    check_results(workers)
    return workers


def check_results(workers):
    """Raise SystemExit unless all implementations have computed the same perplexity and the same prediction."""
    results = {name: worker.result for name, worker in workers.items() if "=" not in name}
    perplexities = [result for result in results.values() if isinstance(result, float)]
    texts = {result for result in results.values() if isinstance(result, str)}
    if max(perplexities) > 1.001 * min(perplexities) or len(texts) > 1:
        raise SystemExit(f"All implementations must compute the same, got {results}.")


def busy_seconds():
    """Return the processor time used so far, in seconds: by the whole machine, and by our ended child processes."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    ours = os.times()
    machine = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return machine, ours.children_user + ours.children_system


def measure(peers, avx2, rounds, seconds):
    """Return all that the table and the JSON file contain."""
    start, (machine_before, _) = time.perf_counter(), busy_seconds()
    workers = run(all_cases(peers), AVX2 if avx2 else {}, rounds, seconds)
    took, (machine_after, ours) = time.perf_counter() - start, busy_seconds()
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor[1] if processor else os.uname().machine,
        "cores": len(os.sched_getaffinity(0)),
        "avx2": avx2,
        "versions": workers[OURS].versions | workers["one epoch, JAX"].versions,
        "minutes": took / 60,
        "other_processes": (machine_after - machine_before - ours) / took,  # in cores
        "seconds": {name: worker.seconds for name, worker in workers.items()},
    }


def table(result):
    """Return the conditions and the table in Markdown."""
    seconds = result["seconds"]
    lines = [
        f"{result['date']}, {result['processor']}, {result['cores']} cores"
        f"{' limited to AVX2' if result['avx2'] else ''}; other processes used {result['other_processes']:.2f} cores.",
        f"{len(seconds[OURS])} rounds in {result['minutes']:.1f} minutes; "
        + ", ".join(f"{name} {version}" for name, version in result["versions"].items()),
        "",
        "| | seconds | relative to this package | middle half of the rounds |",
        "|---|---|---|---|",
    ]
    for name, values in seconds.items():
        base = seconds[f"{PREDICTION}this package" if name.startswith(PREDICTION) else OURS]
        low, ratio, high = quantiles([value / b for value, b in zip(values, base, strict=True)], n=4)
        relative = "|" if name.startswith("new process") else f"{ratio:.2f} | {low:.2f} to {high:.2f}"
        lines.append(f"| {name} | {median(values):.3f} | {relative} |")
    return "\n".join(lines) + "\n"


def main():
    """Measure, print the table, and write it and all seconds to the output folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", required=True, help="the Python interpreter that has PyTorch and JAX")
    parser.add_argument("--avx2", action="store_true", help="let no implementation use AVX-512")
    parser.add_argument("--rounds", type=int, default=10, help="at least 2")
    parser.add_argument("--seconds", type=int, default=270, help="start no round after this time")
    parser.add_argument("--output", type=Path, default=Path("build"))
    options = parser.parse_args()
    options.output.mkdir(exist_ok=True)
    result = measure(options.peers, options.avx2, options.rounds, options.seconds)
    print(table(result))
    (options.output / "benchmark.md").write_text(table(result))
    (options.output / "benchmark.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
