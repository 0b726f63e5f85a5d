"""The document's network as its 3,000 epochs left it, so that nobody has to wait for them again."""

from pathlib import Path

from mxnet import init

from d2l_helpers._internal import gluon_internals
from d2l_helpers._internal.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from d2l_helpers._internal.devices import try_gpu
from d2l_helpers._internal.identity import identity_of
from d2l_helpers._internal.loop import put
from d2l_helpers._internal.record import Record

PRETRAINED = Path(__file__).resolve().parent.parent / "pretrained.npz"


def save_weights(path, training, history, seed=0):
    """Keep what a Training has trained, with its History, as a checkpoint that the same Training can take up."""
    weights = gluon_internals.weights_of(training.model, training.ctx)
    arrays = {name: weight.asnumpy() for name, weight in weights.items()}
    save_checkpoint(path, Checkpoint(arrays, history, identity_of(training), seed))


def load_pretrained(model, ctx=None, path=PRETRAINED):
    """Give a model the weights that the document's 3,000 epochs left, as stored in deep-rnn.ipynb.

    model: `RNNModel(rnn.LSTM(256, 2), 43)`. ctx: the device, an `mxnet.Context`; None takes `try_gpu()`.
    path: another file that `save_weights` or a checkpointed training wrote, for a model of its kind.

    Raises FileNotFoundError where there is no file, and ValueError where it is damaged or holds
    another network; the model is then as it was.
    """
    checkpoint, ctx = load_checkpoint(path, Record()), ctx or try_gpu()
    was = checkpoint.arguments | {"vocab_size": len(checkpoint.arguments["vocabulary"])}
    given = gluon_internals.facts(model) | {"vocab_size": getattr(model, "vocab_size", was["vocab_size"])}
    differences = [f"{name} {was[name]!r} and not {value!r}" for name, value in given.items() if was[name] != value]
    if differences:
        raise ValueError(f"model has to be a network like the one in {Path(path).name!r}: {', '.join(differences)}.")
    gluon_internals.initialize_weights(model, init.Zero(), 1, 1, ctx)
    put(checkpoint.weights, gluon_internals.weights_of(model, ctx))
