"""Sweeps: call one experiment with many configurations in parallel, and keep each result as a file.

cloudpickle sends the experiment to the workers, with everything that it uses from the notebook and from modules next to
it: functions, classes, closures, defaults and global values. The digest of these bytes, without file names and other
parts that differ between processes, is a part of the key under which a result is kept. What cloudpickle does not find
does not exist in a worker, so it cannot change a result.
"""

import contextlib
import hashlib
import io
import json
import os
import pickle
import re
import sys
import sysconfig
import textwrap
import threading
import traceback
import warnings
from concurrent.futures.process import BrokenProcessPool
from importlib import metadata
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import cloudpickle
import joblib
from cloudpickle.cloudpickle import _DYNAMIC_CLASS_TRACKER_BY_ID as RANDOM_CLASS_IDS
from joblib.externals.loky import get_reusable_executor

from d2l_helpers.engine.check import check_configurations, check_folder
from d2l_helpers.engine.progress import Progress

CLUSTER_TIMEOUT = 60  # seconds
PACKAGE, SUFFIXES = Path(__file__).parents[1], {".py", ".txt", ".npz"}
LOCATION = {"co_filename", "co_firstlineno", "co_linetable", "co_lnotab"}  # reading co_lnotab is deprecated
CODE = [name for name in dir(CodeType) if name.startswith("co_") and name not in LOCATION]
CODE = [name for name in CODE if not callable(getattr(CodeType, name))]  # co_lines and co_positions are methods
STANDARD_LIBRARY = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
mxnet_lock = threading.Lock()  # MXNet's random numbers belong to the process, and a Dask worker may have many threads


def run_sweep(experiment, configurations, folder, *, recompute=False):
    """Call experiment(**configuration) for each configuration in parallel, and keep each result as a file.

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
        folder: Directory of the results, one JSON file per configuration; created if it is missing.
        recompute: Whether to replace results that exist already.

    Returns:
        The list of results as JSON returns them, in the order of the configurations.

    Raises:
        TypeError: An argument has the wrong type; nothing has run.
        ValueError: An argument has an invalid value, or a file in the folder is damaged; nothing has run.
        RuntimeError: A run failed, and the message names its configuration; all other results have been kept. Or a
            worker process was killed, or the Dask cluster is not available.
    """
    if not isinstance(experiment, FunctionType):
        raise TypeError(f"experiment must be a function, got {experiment!r}; define it with `def`.")
    if not isinstance(recompute, bool):
        raise TypeError(f"recompute must be True or False, got {recompute!r}; for example, recompute=True.")
    check_configurations(experiment, configurations)
    folder = check_folder(folder)
    sent, code = _pickle(experiment)
    paths = [folder / _file_name(configuration, code) for configuration in configurations]
    results = {path: _read(path) for path in paths if path.exists() and not recompute}
    missing = {path: conf for path, conf in zip(paths, configurations, strict=True) if path not in results}
    failures = []
    if missing:
        tasks = [(str(path), sent, configuration, SOURCES) for path, configuration in missing.items()]
        compute = _on_cluster if os.environ.get("DASK_SCHEDULER_ADDRESS") else _on_this_machine
        outcomes = compute(tasks)
        with Progress(len({*paths}), "run", len(results)) as progress, contextlib.closing(outcomes):
            for name, result, *error in outcomes:
                if error:
                    failures.append((missing[Path(name)], *error))
                else:
                    results[Path(name)] = _write(Path(name), missing[Path(name)], result)
                progress.update(f"{len(failures)} failed" if failures else "")
    if failures:
        configuration, message, details = failures[0]
        error = RuntimeError(
            f"{experiment.__name__} failed with {configuration} ({message}); change this configuration or fix the "
            f"function (of {len({*paths})} configurations {len(failures)} failed, and the results of the others are "
            f"in {str(folder)!r})."
        )
        error.add_note(details)
        raise error
    return [results[path] for path in paths]


def _run(name, experiment, configuration, sources):
    """Return (name, result as JSON), or (name, None, message, traceback) for a failed run; runs in a worker."""
    # The experiment comes as bytes, so that unpickling this function imports d2l_helpers before MXNet.
    try:
        with mxnet_lock, contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            if sources != SOURCES:
                raise ImportError("d2l_helpers has changed since it was imported: restart the kernel and all workers")
            result = json.dumps(pickle.loads(experiment)(**configuration))
            if imported := sorted({*_user_modules()} - MODULES_AT_START):
                raise ImportError(f"import {imported[0]} in a cell and not in a function, which would hide its changes")
            return name, result
    except (Exception, SystemExit) as error:
        return name, None, textwrap.shorten(f"{type(error).__name__}: {error}", 300), traceback.format_exc()


def _on_this_machine(tasks):
    """Yield the outcomes of the tasks in the order in which they end, each from a process with one thread."""
    cores = min(joblib.cpu_count(only_physical_cores=True), len(tasks))
    # With one worker, joblib would compute in this process, whose MXNet has another number of threads.
    options = {"n_jobs": max(cores, 2), "pre_dispatch": cores, "batch_size": 1, "return_as": "generator_unordered"}
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        outcomes = joblib.Parallel(**options)(joblib.delayed(_run)(*task) for task in tasks)
    waiting = {name: configuration for name, _, configuration, _ in tasks}
    try:
        for outcome in outcomes:
            del waiting[outcome[0]]
            yield outcome
    except BrokenProcessPool as error:
        raise RuntimeError(
            f"a worker process was killed during one of {[*waiting.values()][:cores]}, perhaps for lack of memory; run "
            "the sweep again to continue, if necessary with smaller configurations."
        ) from error
    finally:
        with warnings.catch_warnings(action="ignore"):  # joblib warns of results that nobody reads
            outcomes.close()
        get_reusable_executor().shutdown(kill_workers=True)


def _on_cluster(tasks):
    """Yield the outcomes of the tasks in the order in which they end, from the cluster at DASK_SCHEDULER_ADDRESS."""
    # Not joblib's own Dask backend: it computes in this process if the cluster has one thread, and waits forever for
    # a run that has killed its workers.
    address = os.environ["DASK_SCHEDULER_ADDRESS"]
    with contextlib.ExitStack() as stack:
        try:
            from distributed import Client, as_completed

            client = stack.enter_context(Client(address, timeout=CLUSTER_TIMEOUT))
            client.wait_for_workers(1, timeout=CLUSTER_TIMEOUT)
        except (ImportError, OSError, ValueError) as error:
            raise RuntimeError(
                "DASK_SCHEDULER_ADDRESS must be the address of a scheduler with workers, for the installed package "
                f"distributed, got {address!r} ({textwrap.shorten(str(error), 100)}); unset it to use this machine."
            ) from error
        futures = {client.submit(_run, *task, pure=False): task[0] for task in tasks}
        for future in as_completed(futures):
            error = future.exception()  # only if the run has killed its workers
            yield (futures[future], None, f"{type(error).__name__}: {error}", "") if error else future.result()


class _Fingerprint(cloudpickle.Pickler):
    """A pickler for digests: its bytes do not depend on the process, the place of the code or the order of sets."""

    def persistent_id(self, value):
        """Return a substitute for a value, or None to pickle the value itself."""
        if isinstance(value, CodeType):
            return [getattr(value, name) for name in CODE]
        if type(value) in (set, frozenset):
            return type(value).__name__, sorted(map(_digest, value))
        if type(value) is str and value in RANDOM_CLASS_IDS:
            return "class"
        return None


def _digest(value):
    stream = io.BytesIO()
    _Fingerprint(stream).dump(value)
    return hashlib.sha256(stream.getvalue()).hexdigest()


def _pickle(experiment):
    """Return a function as bytes, and a digest of everything on which its results depend."""
    modules = [module for module in _user_modules().values() if sys.modules.get(module.__name__) is module]
    modules = [module for module in modules if module.__name__ not in cloudpickle.list_registry_pickle_by_value()]
    with contextlib.ExitStack() as stack:
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
            stack.callback(cloudpickle.unregister_pickle_by_value, module)
        try:
            sent, code = cloudpickle.dumps(experiment), _digest(experiment)
        except Exception as error:
            raise ValueError(
                f"experiment must be picklable, got {experiment!r} ({textwrap.shorten(str(error), 200)}); create what "
                "cannot be pickled inside the function."
            ) from error
    versions = sorted(f"{package.name} {package.version}" for package in metadata.distributions())
    settings = sorted(item for item in os.environ.items() if item[0].startswith(("MXNET_", "DNNL_")))
    return sent, _digest([code, SOURCES, sys.version, versions, settings])


def _user_modules():
    """Return the imported modules (name -> module) that are neither installed nor a part of d2l_helpers."""
    ours = tuple(f"{path}{os.sep}" for path in [PACKAGE, *STANDARD_LIBRARY, *map(os.path.realpath, STANDARD_LIBRARY)])
    found = {}
    for name, module in sys.modules.copy().items():
        if isinstance(module, ModuleType) and name != "__main__":
            place = vars(module).get("__file__") or next(iter(vars(module).get("__path__") or ()), "")
            if place and not place.startswith(ours) and not {"site-packages", "dist-packages"} & {*Path(place).parts}:
                found[name] = module
    return found


def _file_name(configuration, code):
    """Return a readable file name that ends with 16 digits for this configuration and this code."""
    readable = ",".join(f"{name}={value}" for name, value in configuration.items())
    digest = hashlib.sha256(repr([configuration, code]).encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9_.,=+-]', '_', readable)[:120]}-{digest[:16]}.json"


def _write(path, configuration, result):
    """Write a result, given as JSON, to its file, completely or not at all; return it."""
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(f'{{"configuration": {json.dumps(configuration)},\n "result": {result}}}\n')
    unfinished.replace(path)
    return json.loads(result)


def _read(path):
    try:
        return json.loads(path.read_text())["result"]
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"folder must contain complete results, got the damaged file {str(path)!r}; delete this file, or set "
            "recompute=True."
        ) from error


# Both as of the import of this package: a worker that has imported other sources, or later other modules, is found out.
SOURCES = _digest([(path.name, path.read_bytes()) for path in sorted(PACKAGE.rglob("*")) if path.suffix in SUFFIXES])
MODULES_AT_START = {*_user_modules()}
