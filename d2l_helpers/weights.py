"""Files with the weights of a network and their vocabulary."""

from pathlib import Path

from mxnet import init
from mxnet.gluon import rnn

from d2l_helpers._internal import gluon_internals
from d2l_helpers._internal.checkpoint import Checkpoint, copy_into, load_checkpoint, save_checkpoint, training_config
from d2l_helpers._internal.devices import try_gpu
from d2l_helpers._internal.loop import Record
from d2l_helpers._internal.messages import short
from d2l_helpers._internal.vocabulary import remember_vocabulary
from d2l_helpers.model import RNNModel

PRETRAINED = Path(__file__).resolve().with_name("pretrained.npz")
LAYERS = {"RNN": rnn.RNN, "LSTM": rnn.LSTM, "GRU": rnn.GRU}


def save_weights(path, training, history, seed=0):
    """Save a trained network with its vocabulary and history as a checkpoint, which the same Training can resume.

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

    The weights belong to the vocabulary in the file: training and prediction with another one raise ValueError.

    Args:
        model: The network, `RNNModel(rnn.LSTM(256, 2), 43)`.
        ctx: The device, an `mxnet.Context`; None means `try_gpu()`.
        path: Another file from `save_weights` or from a training with a checkpoint, for the same kind of model.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is corrupted or belongs to another network; the model has not changed.
    """
    _restore(model, load_checkpoint(path, Record()), ctx or try_gpu(), path)


def load_model(path=PRETRAINED, ctx=None):
    """Return a trained model and its vocabulary, without the code that created it.

    Args:
        path: File from `save_weights` or from a training with a checkpoint of an `RNNModel` with a layer of
            `mxnet.gluon.rnn`; the default is the file of `load_pretrained`.
        ctx: See `load_pretrained`.

    Returns:
        A tuple (model, char_to_idx, idx_to_char, vocab_size): an RNNModel with the weights, and the vocabulary in the
        form of `load_data_time_machine`.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is corrupted or has another kind of network.
    """
    checkpoint = load_checkpoint(path, Record())
    saved = checkpoint.arguments
    network = saved.get("network") or saved.get("model")
    if network not in LAYERS:
        needed, got = "an RNNModel with a layer of mxnet.gluon.rnn", f"the network {short(network)}"
        raise ValueError(f"path must be a file with {needed}, got {got}; use load_pretrained(model, ctx, path).")
    options = {"dropout": saved["dropout"], "bidirectional": saved["directions"] == 2}
    if network == "RNN":
        options["activation"] = saved["activation"].removeprefix("rnn_")
    idx_to_char = saved["vocabulary"]
    model = RNNModel(LAYERS[network](saved["num_hiddens"], saved["num_layers"], **options), len(idx_to_char))
    _restore(model, checkpoint, ctx or try_gpu(), path)
    return model, {token: i for i, token in enumerate(idx_to_char)}, idx_to_char, len(idx_to_char)


def _restore(model, checkpoint, ctx, path):
    """Copy the weights of a checkpoint into a model on a device, unless it is another kind of network."""
    saved, weights = checkpoint.arguments, checkpoint.weights
    given, vocabulary = gluon_internals.layer_config(model), saved.get("vocabulary")
    if vocabulary and hasattr(model, "vocab_size"):
        saved, given = saved | {"vocab_size": len(vocabulary)}, given | {"vocab_size": model.vocab_size}
    different = {name: value for name, value in given.items() if saved.get(name) != value}
    wrong = [f"{name} must be {short(saved.get(name))}, got {short(value)}" for name, value in different.items()]
    params = gluon_internals.parameters(model)
    if not wrong and (others := params.keys() ^ weights.keys()):
        wrong = [f"weights must have the same names, got {short(sorted(others))} in one of them"]
    for name in [] if wrong else params:
        shape, needed = params[name].shape, weights[name].shape
        if shape and min(shape) > 0 and shape != needed:  # Gluon infers the other shapes
            wrong = [f"{name} must have shape {needed}, got {shape}"]
    if wrong:
        raise ValueError(f"model must be a network like the one in {short(Path(path).name)}: {'; '.join(wrong)}.")
    gluon_internals.initialize_weights(model, init.Zero(), 1, 1, ctx)
    copy_into(gluon_internals.weights_of(model, ctx), weights)
    remember_vocabulary(model, vocabulary)
