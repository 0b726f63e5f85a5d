"""Sweeps: call one experiment with many configurations in parallel, and save each result as a file.

cloudpickle sends the experiment to the workers, with everything that it uses from the notebook and from modules next to
it: functions, classes, closures, defaults, and global values. The digest of these bytes, without file names and other
parts that differ between processes, is part of the name of a result's file. Anything that cloudpickle does not find
does not exist in a worker, so it cannot change a result.
"""

import contextlib
import hashlib
import io
import json
import os
import pickle
import re
import signal
import sys
import threading
import traceback
from importlib import metadata
from pathlib import Path
from types import CodeType, ModuleType

import cloudpickle
import joblib
from cloudpickle.cloudpickle import _DYNAMIC_CLASS_TRACKER_BY_ID as RANDOM_CLASS_IDS

from d2l_helpers._internal.messages import short
from d2l_helpers._internal.openmp import usable_cores
from d2l_helpers._internal.progress import Progress
from d2l_helpers._internal.validation import check_configurations, check_folder

CLUSTER_TIMEOUT = 60  # seconds
PACKAGE = Path(__file__).parents[1]
HOMES = "|".join(re.escape(str(home)) for home in (PACKAGE, Path(os.__file__).parent))
INSTALLED = re.compile(rf"({HOMES}|.*/(site|dist)-packages)(/|$)")  # the standard library, too
# The parts of compiled code except for its location.
CODE = [n for n, v in vars(CodeType).items() if re.match("co_(?!filename|first|line|lnotab)", n) and not callable(v)]
mxnet_lock = threading.Lock()  # MXNet's random numbers belong to the process, and a Dask worker may have many threads


def run_sweep(experiment, configurations, folder, *, recompute=False):
    """Call `experiment(**configuration)` for each configuration in parallel, and save each result as a file.

    The runs use one process with one thread per core of this machine. If the environment variable
    DASK_SCHEDULER_ADDRESS is set, they use that Dask cluster instead, whose workers need this package. The output that
    runs print is discarded. Results do not depend on the number of workers.

    A result is computed again after any change to its configuration, to the experiment and everything in the notebook
    or in modules next to it that the experiment uses, to d2l_helpers, to the version of Python or of an installed
    package, or to an environment variable of MXNet. Data files that the experiment opens are not checked: add
    their date to the configurations, or set recompute.

    Args:
        experiment: Function that returns what JSON can store (numbers, strings, lists, dicts). Its result must depend
            on its arguments only, including the random seed, and it must import user modules outside of functions.
        configurations: List of dicts, argument name -> value that JSON can store.
        folder: Directory of the results, one JSON file per configuration; created if it is missing. A corrupted file is
            replaced.
        recompute: Whether to replace results that exist already.

    Returns:
        The list of results as JSON returns them, in the order of the configurations.

    Raises:
        TypeError: An argument has the wrong type; nothing has run.
        ValueError: An argument has an invalid value; nothing has run.
        RuntimeError: A run failed, and the message names its configuration; all other results are saved. Or a
            worker process was killed, or the Dask cluster is not available.
    """
    check_configurations(experiment, configurations)
    folder = check_folder(folder)
    sent, code = _pickle(experiment)
    names = [_file_name(configuration, code) for configuration in configurations]
    results, failures = {}, []
    for name in [] if recompute else names:
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):  # it is missing or corrupted
            results[name] = json.loads((folder / name).read_text())["result"]
    missing = {name: conf for name, conf in zip(names, configurations, strict=True) if name not in results}
    if missing:
        outcomes = (_on_cluster if os.environ.get("DASK_SCHEDULER_ADDRESS") else _on_this_machine)(sent, missing)
        with Progress(len({*names}), "run", len(results)) as progress, contextlib.closing(outcomes):
            for name, result, *error in outcomes:
                if error:
                    failures.append((missing.pop(name), *error))
                else:
                    results[name] = result
                    unfinished = folder / f"{name}.{os.getpid()}.tmp"  # so that a file is complete or missing
                    unfinished.write_text(json.dumps({"configuration": missing.pop(name), "result": result}) + "\n")
                    unfinished.replace(folder / name)
                progress.update(f"{len(failures)} failed" if failures else "")
    for configuration, message, details in failures:
        problem = f"experiment failed with {short(configuration)} ({message})"
        raise RuntimeError(f"{problem}; fix it and rerun, {len(results)} results are saved.") from RuntimeError(details)
    return [results[name] for name in names]


def _run(name, experiment, configuration, sources):
    """Return (name, result), or (name, None, message, traceback) for a failed run; this is what a worker calls."""
    # The experiment comes as bytes, so that unpickling this function imports d2l_helpers before MXNet.
    try:
        with mxnet_lock, contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            if sources != SOURCES:
                raise ImportError("d2l_helpers has changed since it was imported: restart the kernel and all workers")
            [*map(sys.modules.pop, _user_modules() - MODULES_AT_START)]  # what another run has imported
            result = json.loads(json.dumps(pickle.loads(experiment)(**configuration)))
            if imported := _user_modules() - MODULES_AT_START:
                raise ImportError(f"import {min(imported)} in a cell: in a function, its changes go unnoticed")
            return name, result
    except (Exception, SystemExit) as error:
        return name, None, " ".join(f"{type(error).__name__}: {error}".split())[:300], traceback.format_exc()


def _on_this_machine(sent, missing):
    """Yield the outcome of each run as soon as it ends, from processes with one thread."""
    cores = min(usable_cores(), len(missing))
    # With one worker, joblib would compute in this process, whose MXNet has another number of threads.
    options = {"n_jobs": max(cores, 2), "pre_dispatch": cores, "batch_size": 1, "return_as": "generator_unordered"}
    quiet = {"initializer": signal.signal, "initargs": (signal.SIGINT, signal.SIG_IGN), "idle_worker_timeout": 5}
    runs = [joblib.delayed(_run)(name, sent, configuration, SOURCES) for name, configuration in missing.items()]
    try:
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            yield from joblib.Parallel(**options, **quiet)(runs)
    except RuntimeError as error:
        some = short([*missing.values()][:cores])
        raise RuntimeError(f"a worker was killed in one of {some}; free some memory.") from error


def _on_cluster(sent, missing):
    """Yield the outcome of each run as soon as it ends, from the Dask cluster at DASK_SCHEDULER_ADDRESS."""
    # Not with joblib's Dask backend: it computes in this process if the cluster has one thread, and waits forever for
    # a run that has killed its workers.
    address = os.environ["DASK_SCHEDULER_ADDRESS"]
    with contextlib.ExitStack() as stack:
        try:
            from distributed import Client, as_completed

            client = stack.enter_context(Client(address, timeout=CLUSTER_TIMEOUT))
            client.wait_for_workers(1, timeout=CLUSTER_TIMEOUT)
        except (ImportError, OSError, ValueError) as error:
            got = f"{short(address)} ({short(error)})"
            raise RuntimeError(f"DASK_SCHEDULER_ADDRESS must name a Dask cluster, got {got}; unset it.") from error
        futures = {client.submit(_run, name, sent, conf, SOURCES, pure=False): name for name, conf in missing.items()}
        for future in as_completed(futures):
            # Dask itself reports an exception only if a run has killed its workers.
            yield (futures[future], None, type(e).__name__, "") if (e := future.exception()) else future.result()


class _Fingerprint(cloudpickle.Pickler):
    """A pickler for digests: its bytes do not depend on the process, the place of the code or the order of sets."""

    def persistent_id(self, value):
        """Return a substitute for a value, or None to pickle the value itself."""
        if isinstance(value, CodeType):
            return [getattr(value, name) for name in CODE]
        if type(value) in (set, frozenset):
            return type(value).__name__, sorted(value, key=_digest)
        return "class" if type(value) is str and value in RANDOM_CLASS_IDS else None


def _digest(value):
    _Fingerprint(stream := io.BytesIO()).dump(value)
    return hashlib.sha256(stream.getvalue()).hexdigest()


def _pickle(experiment):
    """Return a function as bytes, and a digest of everything on which its results depend."""
    versions = sorted(f"{package.name} {package.version}" for package in metadata.distributions())
    settings = sorted(item for item in os.environ.items() if item[0].startswith(("MXNET_", "DNNL_", "CUDA_")))
    with contextlib.ExitStack() as stack:
        for name in _user_modules() - cloudpickle.list_registry_pickle_by_value():
            cloudpickle.register_pickle_by_value(sys.modules[name])
            stack.callback(cloudpickle.unregister_pickle_by_value, sys.modules[name])
        try:
            return cloudpickle.dumps(experiment), _digest([experiment, SOURCES, sys.version, versions, settings])
        except Exception as error:
            raise ValueError(f"experiment must be picklable, got {short(error)}; create it inside.") from error


def _user_modules():
    """Return the names of the imported modules that are neither installed nor a part of d2l_helpers."""
    modules = [vars(module) for module in [*sys.modules.values()] if isinstance(module, ModuleType)]
    places = {one.get("__name__"): [one.get("__file__"), *(one.get("__path__") or ())] for one in modules}
    users = {name for name, paths in places.items() if any(path and not INSTALLED.match(str(path)) for path in paths)}
    return users & {*sys.modules} - {"__main__"}


def _file_name(configuration, code):
    """Return a readable file name that ends with 16 digits for this configuration and this code."""
    readable = re.sub(r"[^A-Za-z0-9_.,=+-]", "_", ",".join(f"{key}={value}" for key, value in configuration.items()))
    return f"{readable[:120]}-{_digest(repr([configuration, code]))[:16]}.json"


# Both as of the import of this package: a worker with other sources or, later, other modules is an error.
SOURCES = _digest([(p.name, p.read_bytes()) for p in sorted(PACKAGE.rglob("*")) if p.suffix in {".py", ".txt", ".npz"}])
MODULES_AT_START = _user_modules()
