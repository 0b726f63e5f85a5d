"""Where a training run is kept: one file, one training at a time, and never another training's."""

import warnings
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from d2l_helpers._internal.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


class Keeper:
    """Keeps a run in a file, and takes up what is in it; use it in a `with` statement.

    path: the file, or None to keep nothing. arguments: name -> what is being trained, in a form
    that JSON can hold. num_epochs: how many epochs the run is to have in the end.
    history: an empty Record; the epochs that the file has are put into it.

    Entering it raises ValueError if the file is damaged or is one of other arguments, and
    RuntimeError if another training is using it. Afterwards `found` is the Checkpoint, or None.
    """

    def __init__(self, path, arguments, num_epochs, history):
        self.path = path and Path(path)
        self.lock = path and FileLock(f"{path}.lock", timeout=0)
        self.arguments = arguments
        self.num_epochs = num_epochs
        self.history = history
        self.found = None
        self.can_save = True

    def __enter__(self):
        if self.path:
            self._lock()
            try:
                if self.path.exists():
                    self.found = load_checkpoint(self.path, self.history)
                    self._refuse_another_training()
            except ValueError:
                self.lock.release()
                raise
        return self

    def __exit__(self, *error):
        if self.path:
            self.lock.release()

    def _lock(self):
        try:
            Path(self.lock.lock_file).touch()
            self.lock.acquire()
        except Timeout as error:
            raise RuntimeError(
                f"checkpoint {str(self.path)!r} is in use by another training: wait until that one ends, "
                "or give this one another path."
            ) from error
        except OSError as error:
            self._warn(error.strerror)

    def _refuse_another_training(self):
        was, done = self.found.arguments, len(self.history)
        differences = [
            f"{name} was {was.get(name)!r} and is {value!r}"
            for name, value in self.arguments.items()
            if was.get(name) != value and (value or name in was)  # what an older file does not name was off
        ]
        if done > self.num_epochs:
            differences.append(f"num_epochs is {self.num_epochs} and {done} are already done")
        if differences:
            raise ValueError(
                f"checkpoint {str(self.path)!r} is of another training ({'; '.join(differences)}): "
                "give the same arguments to go on, or another path to start anew."
            )

    def save(self, weights, seed):
        """Write weights, name -> NDArray, and all the rest to the file; where that fails, warn once and go on."""
        if not self.path or not len(self.history):
            return
        arrays = {name: weight.asnumpy() for name, weight in weights.items()}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            return  # the last good checkpoint is worth more; the next epoch's perplexity will tell
        try:
            save_checkpoint(self.path, Checkpoint(arrays, self.history, self.arguments, seed))
        except OSError as error:
            self._warn(error.strerror)

    def _warn(self, reason):
        if self.can_save:
            warnings.warn(
                f"checkpoint {str(self.path)!r} cannot be saved ({reason}): training goes on, and what was saved "
                "before stays as it is.",
                stacklevel=5,
            )
        self.can_save = False
