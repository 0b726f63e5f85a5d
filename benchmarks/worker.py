"""One competitor in a process of its own: it runs an epoch when told to and says how long that took.

`python worker.py run_pytorch '{"num_layers": 2, ...}'` imports run_pytorch.py and calls its
`train` with these settings. An epoch begins when a line arrives on standard input, a line of
JSON on standard output follows it, and the end of standard input ends the process.
"""

import contextlib
import importlib
import json
import os
import random
import re
import resource
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np

KIBIBYTE = 1024  # the unit of ru_maxrss on Linux
PACKAGES = ("mxnet", "d2lzh", "torch", "jax", "jaxlib", "numpy")


def synthetic_corpus(num_characters, vocab_size):
    """A list of num_characters whole numbers from 0 to vocab_size - 1, the same in every process.

    Made as a list at once: nothing else may raise the peak of memory that is measured later.
    """
    frequencies = [1 / (rank + 1) for rank in range(vocab_size)]
    return random.Random(0).choices(range(vocab_size), frequencies, k=num_characters)


def initial_weights(vocab_size, num_hiddens, num_layers):
    """The weights that every competitor starts from, the same in every process: Normal(0.01).

    NumPy promises that the stream of a RandomState never changes, and the environments have
    different NumPys. Biases start at zero everywhere: MXNet's layers set them so, whatever
    initializer the model is given.

    Returns (layers, output): for each layer the pair of its weights for the input, shape
    (4 * num_hiddens, inputs), and for the hidden state, shape (4 * num_hiddens, num_hiddens),
    the gates in the order input, forget, candidate, output; and the output layer's, shape
    (vocab_size, num_hiddens). All float32.
    """
    normal = np.random.RandomState(1).normal
    inputs = [vocab_size] + [num_hiddens] * (num_layers - 1)
    layers = [
        (
            normal(0, 0.01, (4 * num_hiddens, size)).astype("float32"),
            normal(0, 0.01, (4 * num_hiddens, num_hiddens)).astype("float32"),
        )
        for size in inputs
    ]
    return layers, normal(0, 0.01, (vocab_size, num_hiddens)).astype("float32")


def start_from(model, weights):
    """Let a Gluon RNNModel start from these weights whenever it is told to initialize itself."""
    from mxnet import nd  # only here: the environment of PyTorch and JAX uses this file too

    layers, output = weights
    initialize = model.initialize

    def initialize_and_set(*args, **kwargs):
        initialize(*args, **kwargs)
        for k, (of_input, of_state) in enumerate(layers):
            getattr(model.rnn, f"l{k}_i2h_weight").set_data(nd.array(of_input))
            getattr(model.rnn, f"l{k}_h2h_weight").set_data(nd.array(of_state))
        model.dense.weight.set_data(nd.array(output))

    model.initialize = initialize_and_set


@contextlib.contextmanager
def printed_reports_go_to(report):
    """Call report(perplexity) at each line "epoch 1, perplexity 16.2, ..." that is printed inside.

    The helpers of both generations train in one call and print; here they can be held
    between two epochs without a change to their loop.
    """

    class Listener:
        def write(self, text):
            if found := re.search(r"perplexity ([\d.]+|inf|nan)", text):
                report(float(found[1]))

        def flush(self):
            pass

    with contextlib.redirect_stdout(Listener()):
        yield


def num_minibatches(num_characters, num_steps, batch_size):
    """How many minibatches data_iter_consecutive cuts a text into."""
    return (num_characters // batch_size - 1) // num_steps


def flop(num_characters, vocab_size, num_hiddens, num_layers, num_steps, batch_size):
    """The floating-point operations of one epoch: those of its matrix products, a multiplication and an addition each.

    Forward, every character meets every weight once. Backward, twice: for the weight's own
    gradient and for that of what came in, which the first layer's input, the text, does not need.
    """
    characters = num_minibatches(num_characters, num_steps, batch_size) * num_steps * batch_size
    from_text = 4 * num_hiddens * vocab_size
    between_layers = (num_layers - 1) * 4 * num_hiddens**2
    between_steps = num_layers * 4 * num_hiddens**2
    output = num_hiddens * vocab_size
    return 2 * characters * (2 * from_text + 3 * (between_layers + between_steps + output))


def main(competitor, settings):
    """Run the competitor, a module's name, with the settings, an object in JSON, until standard input ends."""
    settings = json.loads(settings)
    train = importlib.import_module(competitor).train
    output = sys.stdout  # the competitor's own prints go elsewhere

    def say(**line):
        print(json.dumps(line), file=output, flush=True)

    if num_characters := settings.pop("num_characters", None):
        corpus = synthetic_corpus(num_characters, settings["vocab_size"])
    else:
        corpus = json.loads(Path(settings.pop("corpus")).read_text())
    started = cpu_started = cpu_asleep = 0.0

    def wait():
        nonlocal started, cpu_started, cpu_asleep
        asleep = time.process_time()
        if not sys.stdin.readline():
            sys.exit()
        # Threads that waited by spinning would take the processor from the competitor whose turn it was.
        cpu_asleep = time.process_time() - asleep
        cpu_started, started = time.process_time(), time.perf_counter()

    def report(perplexity):
        seconds = time.perf_counter() - started
        say(
            perplexity=perplexity,
            seconds=seconds,
            cores_used=(time.process_time() - cpu_started) / seconds,
            cpu_asleep=cpu_asleep,
            threads=os.environ.get("OMP_NUM_THREADS", "its own choice"),
            peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE,
        )
        wait()

    installed = {}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            installed[package] = metadata.version(package)
    say(**installed)
    wait()
    weights = initial_weights(settings["vocab_size"], settings["num_hiddens"], settings["num_layers"])
    train(corpus, **settings, weights=weights, report=report)


if __name__ == "__main__":
    main(*sys.argv[1:])
