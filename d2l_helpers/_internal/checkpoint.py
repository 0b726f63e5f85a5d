"""Checkpoints: one file per training run, written atomically and locked while the run uses it.

The file is an uncompressed .npz, which `numpy.load(path, allow_pickle=False)` reads. It contains the weights
("weights/NAME"), the history (the arrays named in HISTORY), the configuration ("arguments", JSON), the random seed
("seed"), and the SHA-256 of all of these ("digest").
"""

import hashlib
import json
import os
import warnings
from collections import namedtuple
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from d2l_helpers._internal import gluon_internals
from d2l_helpers._internal.messages import short
from d2l_helpers._internal.vocabulary import as_indices, for_json

HISTORY = ("perplexity", "valid_perplexity", "seconds", "reports")


# A training run after its last finished epoch: the weights, a dict from name to float array; the history; the
# arguments, the configuration that `training_config` returns; and the seed of the random numbers in each epoch.
Checkpoint = namedtuple("Checkpoint", ["weights", "history", "arguments", "seed"])


def training_config(training):
    """Return the configuration that identifies a Training, a dict that JSON can store.

    It does not contain the number of epochs, so that a run can be extended, nor the initial weights, because the
    checkpoint's weights replace them.
    """
    texts = training.text, training.valid_text
    corpus, valid = [text and hashlib.sha256(as_indices(text[0]).tobytes()).hexdigest()[:12] for text in texts]
    theta = training.clipping_theta
    return {
        "vocabulary": for_json(training.text[2]), "corpus": corpus, "valid_corpus": valid,
        **{name: int(getattr(training, name)) for name in ("num_steps", "batch_size", "pred_period", "pred_len")},
        "lr": float(training.lr), "clipping_theta": None if theta is None else float(theta),
        "prefixes": [prefix if isinstance(prefix, str) else for_json(prefix) for prefix in training.prefixes],
        "is_random_iter": bool(training.is_random_iter),
        **gluon_internals.layer_config(training.model),
        "network": gluon_internals.unusual_network(training.model),
    }  # fmt: skip


def copy_into(weights, values):
    """Write values, name -> array, into weights, name -> NDArray, in place."""
    for name, weight in weights.items():
        weight[:] = values[name]


def save_checkpoint(path, checkpoint):
    """Write a checkpoint; at every moment, the file is either the complete old one or the complete new one.

    Args:
        path: The file; an existing file is replaced.
        checkpoint: The Checkpoint.

    Raises:
        OSError: The file cannot be written.
    """
    path = Path(path)
    values = {f"weights/{name}": value for name, value in checkpoint.weights.items()}
    values |= {name: getattr(checkpoint.history, name) for name in HISTORY}
    values |= {"arguments": json.dumps(checkpoint.arguments), "seed": checkpoint.seed}
    arrays = {name: np.asarray(value) for name, value in values.items()}
    arrays["digest"] = np.asarray(_digest(arrays))
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_checkpoint(path, history):
    """Read a checkpoint from `save_checkpoint`.

    Args:
        path: The file.
        history: Empty Record, which receives the epochs and reports of the file.

    Returns:
        The Checkpoint with that history.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is corrupted or not a checkpoint; no code in it is ever executed.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if str(arrays.pop("digest")) != _digest(arrays):
            raise ValueError("its SHA-256 does not match")
        for name in HISTORY:
            setattr(history, name, arrays.pop(name, np.asarray([])).tolist())
        arguments, seed = json.loads(str(arrays.pop("arguments"))), int(arrays.pop("seed"))
        arguments["vocabulary"] = list(arguments.get("vocabulary", ""))  # older files have a string of characters
        weights = {name.removeprefix("weights/"): value for name, value in arrays.items()}
        return Checkpoint(weights, history, arguments, seed)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"path must be an existing checkpoint, got {short(Path(path))}; correct it.") from error
    except Exception as error:  # a corrupted zip file causes a dozen kinds of errors
        problem = f"checkpoint {short(Path(path))} is corrupted or not a checkpoint ({short(error)})"
        raise ValueError(f"{problem}; restore a backup, or remove it to start over.") from error


def _digest(arrays):
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


class CheckpointManager:
    """Lock, load, and save the checkpoint of one run; use it in a `with` statement.

    On entry, `found` becomes the Checkpoint in the file, or None.

    Args:
        path: The file, or None for a run without a checkpoint.
        config: Configuration of the run, a dict that JSON can store.
        num_epochs: Number of epochs at the end of the run.
        history: Empty Record, which receives the epochs of the file.

    Raises:
        ValueError: On entry, the file is corrupted or belongs to another configuration.
        RuntimeError: On entry, another training is using the file.
    """

    def __init__(self, path, config, num_epochs, history):
        self.path, self.config, self.num_epochs, self.history = path and Path(path), config, num_epochs, history
        self.lock = path and FileLock(f"{path}.lock", timeout=0)
        self.found, self.can_save = None, True

    def __enter__(self):
        if self.path:
            self._acquire_lock()
            try:
                if self.path.exists():
                    self.found = load_checkpoint(self.path, self.history)
                    self._check_same_config()
            except ValueError:
                self.lock.release()
                raise
        return self

    def __exit__(self, *error):
        if self.path:
            self.lock.release()

    def _acquire_lock(self):
        try:
            Path(self.lock.lock_file).touch()
            self.lock.acquire()
        except Timeout as error:
            fix = "wait until it ends, or pass another path"
            raise RuntimeError(f"checkpoint {short(self.path)} is in use by another training; {fix}.") from error
        except OSError as error:
            self._warn(short(error))

    def _check_same_config(self):
        saved, done = self.found.arguments, len(self.history)
        # Options that an older file lacks were off.
        changed = {n: v for n, v in self.config.items() if saved.get(n) != v and (v or n in saved)}
        differences = [f"{name} was {short(saved.get(name))} and is {short(v)}" for name, v in changed.items()]
        if done > self.num_epochs:
            differences.append(f"num_epochs is {self.num_epochs} and {done} are already done")
        if differences:
            problem = f"belongs to a different training run ({'; '.join(differences)})"
            fix = "pass the same arguments to resume, or another path to start over"
            raise ValueError(f"checkpoint {short(self.path)} {problem}; {fix}.")

    def save(self, weights, seed):
        """Write weights, name -> NDArray, with the history and the seed; if that fails, warn once and continue."""
        if not self.path or not len(self.history):
            return
        arrays = {name: weight.asnumpy() for name, weight in weights.items()}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            return  # keep the last good checkpoint; the next epoch raises FloatingPointError
        try:
            save_checkpoint(self.path, Checkpoint(arrays, self.history, self.config, seed))
        except OSError as error:
            self._warn(short(error))

    def _warn(self, reason):
        if self.can_save:
            message = f"checkpoint {short(self.path)} cannot be saved ({reason}); training continues without it."
            warnings.warn(message, stacklevel=5)
        self.can_save = False
