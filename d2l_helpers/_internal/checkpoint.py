"""A training run in a file, to be taken up again later.

The file is an uncompressed .npz: `numpy.load(path, allow_pickle=False)` reads it. It holds the
weights ("weights/NAME"), what is in a History ("perplexity", "seconds", "reports"), what was
being trained ("arguments", JSON), the seed of its random numbers ("seed") and a SHA-256 of all
that ("digest").
"""

import hashlib
import json
import math
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from d2l_helpers._internal.record import Record


@dataclass
class Checkpoint:
    """A training run after its last finished epoch.

    weights: name -> float array. history: perplexity, seconds and reports so far.
    arguments: name -> what is being trained. seed: a whole number; what is random in an epoch
    depends on it and on the number of the epoch only.
    """

    weights: dict
    history: Record
    arguments: dict
    seed: int


def save_checkpoint(path, checkpoint):
    """Write a checkpoint, so that at every moment the file is the old one or the new one, whole.

    path: where to; a file of that name is replaced. Raises OSError where it cannot be written.
    """
    path = Path(path)
    arrays = {f"weights/{name}": np.asarray(value) for name, value in checkpoint.weights.items()}
    arrays["perplexity"] = np.array(checkpoint.history.perplexity, dtype=np.float64)
    arrays["seconds"] = np.array(checkpoint.history.seconds, dtype=np.float64)
    arrays["reports"] = np.array(checkpoint.history.reports, dtype=np.str_)
    arrays["arguments"] = np.array(json.dumps(checkpoint.arguments))
    arrays["seed"] = np.array(checkpoint.seed)
    arrays["digest"] = np.array(_digest(arrays))
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        _sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def load_checkpoint(path, history):
    """Read a checkpoint that `save_checkpoint` wrote.

    history: an empty Record to put its epochs and reports into.

    Returns a Checkpoint with that history. Raises FileNotFoundError where there is none, and ValueError where the
    file is damaged or no checkpoint; nothing in the file is ever executed.
    """
    try:
        _refuse_lies_about_sizes(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if str(arrays.pop("digest")) != _digest(arrays):
            raise ValueError("its SHA-256 does not match")
        history.perplexity = arrays.pop("perplexity").tolist()
        history.seconds = arrays.pop("seconds").tolist()
        history.reports = arrays.pop("reports").tolist()
        arguments, seed = json.loads(str(arrays.pop("arguments"))), int(arrays.pop("seed"))
        weights = {name.removeprefix("weights/"): value for name, value in arrays.items()}
        return Checkpoint(weights, history, arguments, seed)
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged zip file fails in a dozen ways
        raise ValueError(
            f"checkpoint {str(path)!r} is damaged or no checkpoint ({error}): take a copy of it from before, "
            "or move it away to start anew."
        ) from error


def _digest(arrays):
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _refuse_lies_about_sizes(path):
    """Raise ValueError if an array in the file claims to be larger than its bytes, or holds objects."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{member.filename} is compressed")
            with archive.open(member) as file:
                npy.read_magic(file)
                shape, _, dtype = npy.read_array_header_1_0(file)
                if dtype.hasobject or math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
                    raise ValueError(f"{member.filename} is not the array that it claims to be")


def _sync_folder(folder):
    """Make the new name in the folder survive a power cut, where the system allows it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
