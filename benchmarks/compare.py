"""Measure this package against its peers and against the machine's limits; `make bench` runs it.

Prints one table; writes benchmark.png and benchmark.json to the output folder.
"""

import argparse
import json
import os
import platform
import re
import sys
import time
from pathlib import Path

import measures
from measures import LONG_CORPUS, MEMORY_EPOCHS, NUM_CHARACTERS, RUNNERS, SIZES, progress, times
from worker import flop

GIGA = 1e9
DOCUMENT_EPOCHS = 3000
SECONDS_ON_A_GPU = (0.05, 0.06)  # an epoch, as the course's notebooks of 2019 printed it
THREADS = (2, 4, 8, 16, 32)
FIXED_NUMBERS = ("this package, one thread", "this package, all threads")

# How much is measured: the rounds of everything, whole and quick.
WHOLE = {"peers": 10, "beside": 3, "growth": 1, "starts": 2, "sweeps": 2}
QUICK = {"peers": 4, "beside": 2}


def measure(interpreters, output, rounds):
    """All numbers of the table, as one dictionary."""
    ours = interpreters["ours"]
    corpus = measures.time_machine(ours, output / "benchmark-corpus.json")
    result = {
        "processor": processor(),
        "date": time.strftime("%Y-%m-%d"),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "rounds": rounds["peers"],
        "flop_per_epoch": flop(NUM_CHARACTERS, **SIZES),
    }

    def beside(number):
        return measures.beside_busy_programs(number, interpreters, corpus, rounds["beside"])

    parts = {
        "peers": lambda: measures.compare(RUNNERS, interpreters, corpus, rounds["peers"]),
        "beside": lambda: {number: beside(number) for number in ((1, 2) if rounds is WHOLE else (1,))},
    }
    if rounds is WHOLE:
        parts |= {
            "recovery": lambda: measures.recovery(interpreters, corpus),
            "growth": lambda: measures.growth(ours, rounds["growth"]),
            "memory": lambda: measures.memory(ours),
            "starts": lambda: measures.starts(ours, rounds["starts"]),
            "sweeps": lambda: measures.sweeps(ours, rounds["sweeps"]),
        }
    took = {}
    for name, part in parts.items():
        start = time.perf_counter()
        result[name] = part()
        took[name] = time.perf_counter() - start
    return result | {"took": took}


def processor():
    """The processor's name, as Linux tells it, and the widest vectors that it has."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    found = re.search(r"model name\s*: (.*)", cpuinfo)
    vectors = next((name for name in ("avx512f", "avx2", "avx") if name in cpuinfo), "no AVX")
    return f"{found[1] if found else platform.machine()} ({vectors})"


def competitors(result):
    """The lines of the table about who needs how long for an epoch, or for 50 characters."""
    peers = result["peers"]
    yield f"{'':38}{'seconds':>8}{'ours = 1':>10}{'GFLOP/s':>9}{'cores used':>12}{'perplexity':>12}"
    for name, of in peers.items():
        writes = name.startswith("50")
        rate = "" if writes else f"{result['flop_per_epoch'] / GIGA / of['seconds']:.0f}"
        perplexity = "" if of["perplexity"] is None else f"{of['perplexity']:.4f}"
        ratio = times(peers, name, "50 characters: this package" if writes else "this package")
        yield f"{name:38}{of['seconds']:8.3f}{ratio:10.2f}{rate:>9}{of['cores_used']:12.2f}{perplexity:>12}"
    for number, beside in result["beside"].items():
        yield f"beside {number} busy program{'s' * (number > 1)}:"
        for name, of in beside.items():
            ratio = times(beside, name, "this package")
            yield f"  {name:36}{of['seconds']:8.3f}{ratio:10.2f}{'':>9}{of['cores_used']:12.2f}"


def targets(result):
    """(what was to be reached, what was measured, whether it is reached), for all targets."""
    peers = result["peers"]
    ours = {name: times(peers, name, "this package") for name in peers}
    for name, least in zip(list(RUNNERS)[1:4], (2.2, 1.15, 1.5), strict=True):
        yield f"at least {least} times as fast as {name}", f"{ours[name]:.2f}", ours[name] >= least
    one_thread = times(peers, "PyTorch, one thread", "this package, one thread")
    yield "on one thread, at least as fast as PyTorch", f"{one_thread:.2f}", one_thread >= 1
    perplexities = [of["perplexity"] for of in peers.values() if of["perplexity"] is not None]
    apart = max(perplexities) / min(perplexities) - 1
    yield "perplexities at most 2 % apart", f"{apart:.2%}", apart <= 0.02
    outside = 1 - ours["limit: the fused LSTM alone"]
    yield "at most 10 % of an epoch outside the fused LSTM", f"{outside:.1%}", outside <= 0.1
    products = ours["limit: the network's matrix products"]
    yield "at least 80 % of the rate of the network's own products", f"{products:.0%}", products >= 0.8
    square = ours["limit: square matrix products"]
    yield "at least 80 % of the rate of square products", f"{square:.0%}", square >= 0.8
    writes = times(peers, "50 characters: PyTorch", "50 characters: this package")
    yield "50 characters at least as fast as PyTorch", f"{writes:.2f}", writes >= 1

    for number, beside in result["beside"].items():
        names = f"beside {number} busy program{'s' * (number > 1)}"
        pytorch = times(beside, "PyTorch, eager", "this package")
        yield f"{names}: at least 2.5 times as fast as PyTorch", f"{pytorch:.2f}", pytorch >= 2.5
        fixed = min(times(beside, name, "this package") for name in FIXED_NUMBERS)
        yield f"{names}: at most 15 % behind the better fixed number", f"{1 / fixed - 1:+.0%}", 1 / fixed <= 1.15

    if "recovery" not in result:
        return
    yield "at full speed 10 s after its end", f"{result['recovery']:.1f} s", result["recovery"] <= 10
    for (what, of), most in zip(result["growth"].items(), (1, 1, 1, 2), strict=True):
        arithmetic = of["exponent_of_arithmetic"]
        reached = of["exponent"] <= max(most, arithmetic) + 0.05
        yield f"seconds = {what} ^ at most {most} (arithmetic: {arithmetic:.2f})", f"{of['exponent']:.2f}", reached
    few, many = result["memory"]["peak_bytes_after_epochs"].values()
    what = "peak memory after {1} epochs at most 5 % above that after {0}".format(*MEMORY_EPOCHS)
    yield what, f"{many / few - 1:+.1%}", many / few <= 1.05
    multiple = result["memory"]["long_corpus_multiple"]
    yield f"{LONG_CORPUS:,} characters: memory as a multiple of their list", f"{multiple:.1f}", multiple <= 4
    extra = result["starts"]["import d2l_helpers"] - result["starts"]["import mxnet"]
    yield "import takes at most 0.3 s more than MXNet's", f"{extra:.2f} s", extra <= 0.3
    sweep, plain = (result["sweeps"][way]["runs_per_minute"] for way in ("run_sweep", "processes"))
    yield "sweeps at least 0.95 times as fast as plain processes", f"{sweep / plain:.2f}", sweep >= 0.95 * plain


def more(result):
    """Lines about what has no target."""
    peers = result["peers"]
    if "sweeps" in result:
        first = result["starts"]["import to first report"]
        yield f"From `import d2l_helpers` to the report of the first epoch: {first:.1f} s in a new process."
        sweeps = result["sweeps"]
        rates = ", ".join(f"{way} {of['runs_per_minute']:.1f}" for way, of in sweeps.items())
        per_run = 60 / sweeps["run_sweep"]["runs_per_minute"] - 60 / sweeps["processes"]["runs_per_minute"]
        begin = sweeps["run_sweep"]["seconds_to_start"] - sweeps["processes"]["seconds_to_start"]
        yield f"Runs per minute: {rates}. run_sweep's overhead: {per_run:+.3f} s per run, {begin:+.1f} s once."
    one, several = (peers[name]["seconds"] for name in ("this package, one thread", "this package"))
    cores = result["cores"]
    if cores > 1:
        # Amdahl: one thread takes alone + shared, n threads take alone + shared / n.
        shared = (one - several) / (1 - 1 / cores)
        speeds = ", ".join(f"{n}: {one / (one - shared + shared / n):.1f}" for n in THREADS)
        yield f"{shared / one:.0%} of an epoch can be shared. Threads, and how much faster than one at most: {speeds}."
    seconds = several * peers["this package"]["cores_used"] * DOCUMENT_EPOCHS
    gpu = " to ".join(f"{each * DOCUMENT_EPOCHS:.0f}" for each in SECONDS_ON_A_GPU)
    yield (
        f"The document's {DOCUMENT_EPOCHS} epochs: {seconds:.0f} s of processor time here, in"
        f" {several * DOCUMENT_EPOCHS:.0f} s; on the course's GPU of 2019 {gpu} s, as printed there."
    )
    asleep = max(of["cpu_asleep"] for of in peers.values())
    took = sum(result["took"].values())
    parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in result["took"].items())
    yield (
        f"An epoch is {result['flop_per_epoch'] / GIGA:.1f} GFLOP. Processor time of any competitor while another ran:"
        f" {asleep * 1000:.0f} ms at most. Took {took / 60:.1f} minutes: {parts}."
    )


def table(result):
    """The result as text: competitors, targets with what was reached, and the rest."""
    environments = {env: result["peers"][name]["versions"] for name, (env, _, _) in reversed(RUNNERS.items())}
    return "\n".join(
        [
            f"{result['processor']}, {result['cores']} processors, {result['date']}",
            f"{result['rounds']} interleaved rounds, medians",
            *(f"{env}: {', '.join(map(' '.join, versions.items()))}" for env, versions in environments.items()),
            "",
            *competitors(result),
            "",
            f"{'target':62}{'measured':>12}",
            *(f"{what:62}{value:>12}  {'reached' if ok else 'MISSED'}" for what, value, ok in targets(result)),
            "",
            *more(result),
        ]
    )


def picture(result, path):
    """Competitors as bars, quiet and beside busy programs, and growth as a log-log plot."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullLocator

    growth = result.get("growth", {})
    figure, axes = plt.subplots(
        1, 1 + len(growth), figsize=(17, 4), width_ratios=[2.2] + [1] * len(growth), squeeze=False
    )
    bars, *panels = axes[0]
    epochs = {name: of["seconds"] for name, of in result["peers"].items() if not name.startswith("50")}
    for number, beside in result["beside"].items():
        epochs |= {f"{name}, {number} busy": beside[name]["seconds"] for name in ("this package", "PyTorch, eager")}
    shades = ["black" if "this" in name else "lightgrey" if "limit" in name else "grey" for name in epochs]
    bars.barh(list(epochs), list(epochs.values()), color=shades)
    bars.invert_yaxis()
    bars.set(xlabel="seconds per epoch (median)", title="This package, its peers and the limits")
    for panel, (what, of) in zip(panels, growth.items(), strict=True):
        panel.loglog(of["sizes"], of["seconds"], "ko")
        panel.loglog(of["sizes"], of["seconds_fitted"], color="grey")
        panel.set_xticks(of["sizes"], [f"{size:,}" for size in of["sizes"]], rotation=40)
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set(xlabel=what, title=f"slope {of['exponent']:.2f}")
        panel.grid(linewidth=0.3)
    if panels:
        panels[0].set_ylabel("seconds per epoch")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--peers", required=True, help="the Python that has PyTorch and JAX")
    arguments.add_argument("--quick", action="store_true", help="fewer rounds, and only the peers")
    arguments.add_argument("--output", type=Path, default=Path("build"), help="folder for the picture and the JSON")
    options = arguments.parse_args()
    options.output.mkdir(exist_ok=True)

    interpreters = {"ours": sys.executable, "peers": options.peers}
    result = measure(interpreters, options.output, QUICK if options.quick else WHOLE)
    progress("")
    print(table(result))
    (options.output / "benchmark.json").write_text(json.dumps(result, indent=1))
    picture(result, options.output / "benchmark.png")


if __name__ == "__main__":
    main()
