"""Compute some runs of depth-study's kind in one of three ways, and print the seconds: run_sweeps.py WAY RUNS."""

import multiprocessing
import os
import sys
import tempfile
import time

NUM_EPOCHS = 30


def experiment(seed, num_epochs):
    """One layer of 64 units, as in depth-study.ipynb; returns the last perplexity."""
    import d2l_helpers as d2l  # isort: skip  (in the process that computes)
    import mxnet as mx
    from mxnet.gluon import rnn

    mx.random.seed(seed)
    text = d2l.load_data_time_machine()
    training = d2l.Training(d2l.RNNModel(rnn.LSTM(64), text[-1]), text, initializer=mx.init.Normal(0.1))
    training.initialize_weights()
    return {"perplexity": [training.epoch() for _ in range(num_epochs)][-1]}


def compute(configuration):
    """The experiment with one configuration."""
    return experiment(**configuration)


def main(way, runs):
    """Compute that many runs; way: "run_sweep", "processes" or "one process"."""
    configurations = [{"seed": seed, "num_epochs": NUM_EPOCHS} for seed in range(1, int(runs) + 1)]
    start = time.perf_counter()
    if way == "run_sweep":
        import d2l_helpers as d2l

        with tempfile.TemporaryDirectory() as folder:
            d2l.run_sweep(experiment, configurations, folder)
    elif way == "processes":
        os.environ["OMP_NUM_THREADS"] = "1"
        with multiprocessing.get_context("spawn").Pool(len(os.sched_getaffinity(0))) as pool:
            pool.map(compute, configurations, chunksize=1)
    else:
        list(map(compute, configurations))
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main(*sys.argv[1:])
