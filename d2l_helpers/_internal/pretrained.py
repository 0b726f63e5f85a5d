"""The weights of the original notebook's network after its 3,000 epochs."""

from pathlib import Path

from mxnet import init

from d2l_helpers._internal import gluon_internals
from d2l_helpers._internal.checkpoint import Checkpoint, copy_into, load_checkpoint, save_checkpoint, training_config
from d2l_helpers._internal.devices import try_gpu
from d2l_helpers._internal.loop import Record

PRETRAINED = Path(__file__).resolve().parent.parent / "pretrained.npz"


def save_weights(path, training, history, seed=0):
    """Save a trained network with its history as a checkpoint, which the same Training can resume.

    Args:
        path: The file; an existing file is replaced.
        training: The Training whose model has been trained.
        history: The History that its `run` returned.
        seed: Random seed of the epochs to come.
    """
    weights = gluon_internals.weights_of(training.model, training.ctx)
    arrays = {name: weight.asnumpy() for name, weight in weights.items()}
    save_checkpoint(path, Checkpoint(arrays, history, training_config(training), seed))


def load_pretrained(model, ctx=None, path=PRETRAINED):
    """Load into a model the weights after the original notebook's 3,000 epochs, as stored in deep-rnn.ipynb.

    Args:
        model: The network, `RNNModel(rnn.LSTM(256, 2), 43)`.
        ctx: The device, an `mxnet.Context`; None means `try_gpu()`.
        path: Another file from `save_weights` or from a training with a checkpoint, for the same kind of model.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is corrupted or belongs to another network; the model has not changed.
    """
    checkpoint, ctx = load_checkpoint(path, Record()), ctx or try_gpu()
    saved = checkpoint.arguments | {"vocab_size": len(checkpoint.arguments["vocabulary"])}
    given = gluon_internals.layer_config(model) | {"vocab_size": getattr(model, "vocab_size", saved["vocab_size"])}
    wrong = [f"{name} must be {saved[name]!r}, got {value!r}" for name, value in given.items() if saved[name] != value]
    if wrong:
        raise ValueError(f"model must be a network like the one in {Path(path).name!r}: {'; '.join(wrong)}.")
    gluon_internals.initialize_weights(model, init.Zero(), 1, 1, ctx)
    copy_into(gluon_internals.weights_of(model, ctx), checkpoint.weights)
