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
from types import FunctionType

import mxnet as mx
from mxnet import nd

from d2l_helpers._internal import gluon_internals


def check_training(training):
    """Raise ValueError or TypeError for what a Training cannot be; warn of what has no effect."""
    corpus_indices, char_to_idx, idx_to_char, vocab_size = training.text
    check_size(
        vocab_size=vocab_size, num_epochs=training.num_epochs, num_steps=training.num_steps,
        batch_size=training.batch_size, pred_period=training.pred_period, pred_len=training.pred_len,
    )  # fmt: skip
    check_positive(lr=training.lr)
    if training.clipping_theta is not None:
        check_positive(clipping_theta=training.clipping_theta)
    check_context(training.ctx)
    check_vocabulary(corpus_indices, vocab_size, idx_to_char, char_to_idx)
    check_prefixes(training.prefixes, char_to_idx)
    check_checkpoint(training.checkpoint)
    check_minibatches(corpus_indices, training.batch_size, training.num_steps, training.ctx, training.is_random_iter)
    check_model(training.model, vocab_size)
    check_dropout(training.model, training.ctx)
    if training.initializer is None and not gluon_internals.has_weights(training.model):
        raise ValueError(
            "initializer is None, which keeps the model's weights, but the model has none yet: leave initializer out, "
            "or load weights and call the model once before."
        )


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


def check_minibatches(corpus_indices, batch_size, num_steps, ctx, is_random_iter):
    """Raise ValueError or TypeError unless the corpus can be cut into at least one minibatch, for a context or None."""
    check_size(batch_size=batch_size, num_steps=num_steps)
    if ctx is not None:
        check_context(ctx)
    # Windows of a strip each end with the character to predict last; pieces of the whole text share it.
    needed = batch_size * num_steps + 1 if is_random_iter else batch_size * (num_steps + 1)
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
    built_with = {
        "vocab_size": getattr(model, "vocab_size", None),
        "num_hiddens": gluon_internals.facts(model)["num_hiddens"],
    }
    for name, value in {"vocab_size": vocab_size, "num_hiddens": num_hiddens}.items():
        if None not in (value, built_with[name]) and value != built_with[name]:
            raise ValueError(
                f"{name} is {value!r} but the model was built with {built_with[name]}: pass the same number to both."
            )


def check_dropout(model, ctx):
    """Warn where MXNet 1.9.1 would silently leave out a layer's dropout (measured; oneDNN has none)."""
    dropout = gluon_internals.facts(model)["dropout"]
    if dropout and ctx.device_type == "cpu" and os.environ.get("MXNET_USE_MKLDNN_RNN", "1") not in ("0", "false"):
        warnings.warn(
            f"dropout={dropout} has no effect on a CPU, where MXNet's recurrent layers come from oneDNN: set the "
            "environment variable MXNET_USE_MKLDNN_RNN=0 before importing mxnet, at a third of the speed.",
            stacklevel=5,
        )


def check_functions(model, ctx):
    """Raise ValueError unless a model given as functions computes with the sizes that it is said to have."""
    problem = None
    try:
        logits, _ = model(nd.zeros((1, 1), ctx=ctx), model.begin_state(1, ctx))
        if logits.shape == (1, model.vocab_size):
            return
    except mx.MXNetError as error:
        problem = error
    raise ValueError(
        f"num_hiddens={model.num_hiddens} or vocab_size={model.vocab_size} contradict the weights, whose shapes are "
        f"{[param.shape for param in model.params]}: pass the numbers that get_params uses."
    ) from problem


def check_convergence(perplexity, epoch, lr, clipping_theta):
    """Raise FloatingPointError unless the perplexity of an epoch is a finite number."""
    if not math.isfinite(perplexity):
        raise FloatingPointError(
            f"the perplexity of epoch {epoch} is {perplexity}: training has diverged, so give a smaller learning "
            f"rate than lr={lr}, or clip the gradient harder than clipping_theta={clipping_theta} does."
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
    """Raise TypeError or ValueError unless configurations is a list of dicts of arguments of a function."""
    if not isinstance(experiment, FunctionType):
        raise TypeError(f"experiment must be a function, got {experiment!r}; define it with `def`.")
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


def check_same_length(name, values, text):
    """Raise ValueError unless there is one value, or row of values, for each character of a text."""
    if len(values) != len(text):
        raise ValueError(
            f"{name} has {len(values)} time steps but text has {len(text)} characters, {text!r}: give one for each."
        )
