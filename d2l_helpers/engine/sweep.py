"""A sweep: one experiment with many configurations, side by side, and each result kept as a file.

The runs of a sweep have nothing to do with each other, so this is where one outgrows a laptop:
Dask spreads them over the cores of this machine, or over a cluster of machines.
"""

import contextlib
import hashlib
import io
import json
import logging
import os
import pickle
import re
import threading
from unittest.mock import patch

from d2l_helpers.engine.check import check_configurations, check_folder
from d2l_helpers.engine.fingerprint import fingerprint, pickled
from d2l_helpers.engine.progress import Progress
from d2l_helpers.engine.threads import usable_cores

SECONDS_TO_WAIT_FOR_A_CLUSTER = 60

# What Dask does beside the runs: watching its own clock fifty times a second took a twentieth of two cores, its
# profiler a tenth of a run.
LET_THE_RUNS_HAVE_THE_CORES = {
    "distributed.admin.tick.interval": "2s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.profile.enabled": False,
}

one_at_a_time = threading.Lock()


def run_sweep(experiment, configurations, folder):
    """Call experiment(**configuration) for each configuration, and keep each result as a file.

    experiment: a function that returns what JSON can hold (numbers, texts, lists, dicts). All that
        its result depends on is in its arguments, the seed of its random numbers too.
    configurations: a list of dicts, name of an argument -> value, which JSON can hold.
    folder: where the results are kept, a file for each configuration; made if it is missing.

    The runs go to the Dask cluster whose address is in the environment variable
    DASK_SCHEDULER_ADDRESS, and whose workers have this package. Without it they go to as many
    processes of one thread as this machine has cores, which are started here and end with the
    call. (A program needs `if __name__ == "__main__":` for that; a notebook does not.) What a
    worker was at when it died is done by another one. A run that has its file is not repeated,
    unless the code has changed: the experiment's, all that it uses of the notebook and of files
    beside it, that of d2l_helpers, or the version of what is installed. What a run prints is lost.

    Returns the results, as JSON gives them back, in the order of the configurations. They do not
    depend on the number of workers.
    Raises TypeError or ValueError for bad arguments before anything is run; RuntimeError if no
    cluster answers, or if a run fails: then all others are finished and kept first, and the error
    says which configuration it was.
    """
    code = fingerprint(experiment)
    check_configurations(experiment, configurations)
    folder = check_folder(folder)
    paths = [folder / _file_name(configuration, code) for configuration in configurations]
    finished = {path: _read(path) for path in paths if path.exists()}
    missing = {path: conf for path, conf in zip(paths, configurations, strict=True) if path not in finished}
    failures = []
    if missing:
        sent = pickled(experiment)
        with Progress(len({*paths}), "run", len(finished)) as progress, _cluster(len(missing)) as client:
            for path, future in _submit(client, sent, missing):
                try:
                    finished[path] = _keep(path, missing[path], future.result())
                except Exception as error:
                    failures.append((missing[path], error))
                progress.update(f"{len(failures)} failed" if failures else "")
    if failures:
        configuration, error = failures[0]
        raise RuntimeError(
            f"{experiment.__name__} failed with {configuration} ({type(error).__name__}: {error}): change that "
            f"configuration or mend the function; of {len(paths)} configurations {len(failures)} failed, and the "
            f"results of the others are kept in {str(folder)!r}."
        ) from error
    return [finished[path] for path in paths]


def _submit(client, experiment, configurations):
    """Compute path -> configuration on a cluster; gives (path, future), in the order in which they end."""
    from distributed import as_completed

    futures = {
        client.submit(_run, experiment, configuration, key=path.stem): path
        for path, configuration in configurations.items()
    }
    return ((futures[future], future) for future in as_completed(futures))


def _run(experiment, configuration):
    """One run, in a worker, which gets the experiment as bytes. Returns its result as JSON."""
    # As bytes, so that d2l_helpers is imported, for this function, before what they name, MXNet for example.
    # MXNet's random numbers belong to the process: in a worker of several threads runs take turns.
    with one_at_a_time, contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return json.dumps(pickle.loads(experiment)(**configuration))


@contextlib.contextmanager
def _cluster(num_runs):
    """A client of the cluster at DASK_SCHEDULER_ADDRESS, or else of one that starts and ends with it."""
    import dask
    from distributed import Client, LocalCluster  # costs half a second, so only here

    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    with contextlib.ExitStack() as stack:
        if not address:
            # One thread for each worker, from its first import on; and no worker is killed for its use of memory.
            # What fails, run_sweep says. A worker may ask a scheduler that has just ended, and would say that.
            own = {"OMP_NUM_THREADS": "1", "DASK_LOGGING__DISTRIBUTED": "critical"}
            with dask.config.set(LET_THE_RUNS_HAVE_THE_CORES), patch.dict(os.environ, own):
                workers = {"n_workers": min(usable_cores(), num_runs), "threads_per_worker": 1, "memory_limit": 0}
                # No dashboard, on a free port, so that a second sweep at the same time does not warn that the port is
                # taken; and no warning of each run that Ctrl-C has cancelled.
                pages = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
                quiet = {"scheduler_kwargs": pages, "silence_logs": logging.ERROR}
                address = stack.enter_context(LocalCluster(**workers, **quiet))
        try:
            client = stack.enter_context(Client(address, timeout=SECONDS_TO_WAIT_FOR_A_CLUSTER))
            client.wait_for_workers(1, timeout=SECONDS_TO_WAIT_FOR_A_CLUSTER)
        except (OSError, ValueError) as error:
            raise RuntimeError(
                f"DASK_SCHEDULER_ADDRESS is {address!r}, where no scheduler with a worker answered within "
                f"{SECONDS_TO_WAIT_FOR_A_CLUSTER} s: start them with `dask scheduler` and `dask worker {address}`, "
                "or unset the variable to compute on this machine."
            ) from error
        yield client


def _file_name(configuration, code):
    """A name that a person can read, and 16 digits that belong to this configuration and this code alone."""
    readable = ",".join(f"{name}={value}" for name, value in configuration.items())
    digest = hashlib.sha256(json.dumps([configuration, code], sort_keys=True).encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9_.,=+-]', '_', readable)[:120]}-{digest[:16]}.json"


def _keep(path, configuration, result):
    """Write a result, given as JSON, to its file, whole or not at all; returns it."""
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(f'{{"configuration": {json.dumps(configuration)},\n "result": {result}}}\n')
    unfinished.replace(path)
    return json.loads(result)


def _read(path):
    try:
        return json.loads(path.read_text())["result"]
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"folder {str(path.parent)!r} holds a damaged result, {path.name!r}: delete that file, and its run will "
            "be repeated."
        ) from error
