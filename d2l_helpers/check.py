"""Bad input, told in one sentence before any time is spent.

Every error names the argument, its value and the fix.
"""

import inspect
import json
import math
import numbers
import os
import warnings
from collections.abc import Collection
from pathlib import Path

import mxnet as mx


def check_size(**sizes):
    """Raise ValueError unless each named value is a whole number of at least 1."""
    for name, value in sizes.items():
        if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}: give for example {name}=1.")


def check_positive(**values):
    """Raise ValueError unless each named value is a finite number above 0."""
    for name, value in values.items():
        if not isinstance(value, numbers.Real) or isinstance(value, bool) or not 0 < value < math.inf:
            raise ValueError(f"{name} must be a number above 0, not {value!r}: give for example {name}=0.01.")


def check_context(ctx):
    """Raise TypeError unless ctx is one MXNet context."""
    if not isinstance(ctx, mx.Context):
        raise TypeError(f"ctx must be an MXNet context, not {ctx!r}: give try_gpu() or mxnet.cpu().")


def check_corpus(corpus_indices, batch_size, num_steps, needed):
    """Raise ValueError unless the corpus has the `needed` characters of one minibatch."""
    if len(corpus_indices) < needed:
        raise ValueError(
            f"corpus_indices has {len(corpus_indices)} characters, too few for one minibatch of "
            f"batch_size={batch_size} by num_steps={num_steps}: give at least {needed}, "
            "or a smaller batch_size or num_steps."
        )


def check_vocabulary(corpus_indices, vocab_size, idx_to_char, char_to_idx):
    """Raise ValueError unless every index of the corpus has a character in the vocabulary."""
    check_size(vocab_size=vocab_size)
    if not len(idx_to_char) == len(char_to_idx) == vocab_size:
        raise ValueError(
            f"vocab_size is {vocab_size} but idx_to_char has {len(idx_to_char)} characters and char_to_idx "
            f"{len(char_to_idx)}: pass all of them as load_data_time_machine returned them."
        )
    smallest, greatest = min(corpus_indices, default=0), max(corpus_indices, default=0)
    if not 0 <= smallest <= greatest < vocab_size:
        raise ValueError(
            f"corpus_indices must lie between 0 and vocab_size - 1 = {vocab_size - 1}, not between "
            f"{smallest} and {greatest}: pass the corpus that belongs to this vocabulary."
        )


def check_prefixes(prefixes, char_to_idx):
    """Raise TypeError or ValueError unless prefixes is a list of texts that the vocabulary can spell."""
    if isinstance(prefixes, str):
        raise TypeError(f"prefixes must be a list of texts, not {prefixes!r}: give [{prefixes!r}].")
    if not isinstance(prefixes, Collection):
        raise TypeError(f"prefixes must be a list of texts, not {prefixes!r}: give for example ['traveller'].")
    for prefix in prefixes:
        if not isinstance(prefix, str):
            raise TypeError(f"prefix must be a text, not {prefix!r}: give for example 'traveller'.")
        if not prefix:
            raise ValueError("prefix must not be empty, not '': give at least one character to start from.")
        unknown = "".join(sorted(set(prefix) - set(char_to_idx)))
        if unknown:
            raise ValueError(
                f"prefix {prefix!r} has characters that are not in the vocabulary, {unknown!r}: "
                f"use only {''.join(sorted(char_to_idx))!r}."
            )


def check_model(model, vocab_size, num_hiddens=None):
    """Raise ValueError if vocab_size or num_hiddens contradict what the model was built with."""
    built_with = {"vocab_size": getattr(model, "vocab_size", None)}
    if num_hiddens is not None:
        built_with["num_hiddens"] = getattr(getattr(model, "rnn", None), "_hidden_size", None)
    for name, value in {"vocab_size": vocab_size, "num_hiddens": num_hiddens}.items():
        if built_with.get(name) not in (None, value):
            raise ValueError(
                f"{name} is {value!r} but the model was built with {built_with[name]}: pass the same number to both."
            )


def check_dropout(model, ctx):
    """Warn where MXNet 1.9.1 would silently leave out a layer's dropout (measured; oneDNN has none)."""
    dropout = getattr(getattr(model, "rnn", None), "_dropout", 0)
    if dropout and ctx.device_type == "cpu" and os.environ.get("MXNET_USE_MKLDNN_RNN", "1") not in ("0", "false"):
        warnings.warn(
            f"dropout={dropout} has no effect on a CPU, where MXNet's recurrent layers come from oneDNN: set the "
            "environment variable MXNET_USE_MKLDNN_RNN=0 before importing mxnet, at a third of the speed.",
            stacklevel=3,
        )


def check_checkpoint(checkpoint):
    """Raise TypeError or ValueError unless checkpoint is None or a path in a folder that exists."""
    if checkpoint is None:
        return
    if not isinstance(checkpoint, str | os.PathLike):
        raise TypeError(f"checkpoint must be a path, not {checkpoint!r}: give for example 'deep-rnn.npz'.")
    path = Path(checkpoint)
    if path.is_dir() or not path.name:
        raise ValueError(f"checkpoint must be a file, not the folder {str(path)!r}: add a name such as 'deep-rnn.npz'.")
    if not path.parent.is_dir():
        raise ValueError(
            f"checkpoint {str(path)!r} is in a folder that does not exist: create {str(path.parent)!r} first."
        )


def check_configurations(experiment, configurations):
    """Raise TypeError or ValueError unless configurations is a list of dicts of arguments of an experiment."""
    if not isinstance(configurations, Collection) or not all(isinstance(conf, dict) for conf in configurations):
        raise TypeError(
            f"configurations must be a list of dicts, not {configurations!r}: give for example [{{'seed': 1}}]."
        )
    for number, configuration in enumerate(configurations):
        try:
            inspect.signature(experiment).bind(**configuration)
            json.dumps(configuration)
        except TypeError as error:
            raise ValueError(
                f"configurations[{number}]={configuration!r} cannot be given to "
                f"{experiment.__name__}{inspect.signature(experiment)} ({error}): give each of its arguments a number, "
                "a text, a list or a dict."
            ) from error


def check_folder(folder):
    """Make a folder if it is missing and return its path; raise ValueError where that is impossible."""
    try:
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, TypeError) as error:
        raise ValueError(f"folder {folder!r} cannot be made ({error}): give another path.") from error
    return path
