"""The only module that uses Gluon's private API."""

import itertools
import re
from weakref import WeakKeyDictionary

from mxnet import nd
from mxnet.gluon import Block, HybridBlock, nn, rnn
from mxnet.gluon.rnn.rnn_layer import _RNNLayer

# Model -> its compiled blocks. In an attribute of the model, Gluon would find them.
compiled_blocks = WeakKeyDictionary()


def layer_config(model):
    """Return the configuration of a model's recurrent layer, a dict that JSON can store; None for unknown values."""
    layer = getattr(model, "rnn", model)
    size = getattr(layer, "_hidden_size", getattr(model, "num_hiddens", None))
    name, num_hiddens = getattr(layer, "__name__", type(layer).__name__), size if isinstance(size, int) else None
    if not isinstance(layer, _RNNLayer):
        return {"model": name, "num_hiddens": num_hiddens}
    values = layer._num_layers, layer._dir, layer._dropout, layer._mode
    names = "num_layers", "directions", "dropout", "activation"
    return {"model": name, **dict(zip(names, values, strict=True)), "num_hiddens": num_hiddens}


def is_layer(model):
    """Return whether a model is only a recurrent layer or a cell, which returns hidden states instead of logits."""
    return isinstance(model, _RNNLayer | rnn.RecurrentCell)


def layers_with_dropout(model):
    """Return the layers of `gluon.rnn` in a model that have dropout, as pairs (dropout, number of layers)."""
    blocks = []
    if isinstance(model, Block):
        model.apply(blocks.append)
    return [(b._dropout, b._num_layers) for b in blocks if isinstance(b, _RNNLayer) and b._dropout]


def unusual_network(model):
    """Return None for a network that `load_model` can rebuild from its configuration, else the name of its class."""
    is_model = str(type(model)) == "<class 'd2l_helpers.model.RNNModel'>"
    is_usual = is_model and _is_standard(model.rnn, model.dense)
    return None if is_usual or not isinstance(model, Block) else type(model).__name__


def initialize_weights(model, initializer, batch_size, num_steps, ctx):
    """Draw a model's initial weights on ctx, for minibatches of shape (batch_size, num_steps)."""
    model.initialize(ctx=ctx, init=initializer, force_reinit=True)
    if hasattr(model, "collect_params") and not has_weights(model):
        # Gluon infers the shapes of the weights from the first input.
        model(nd.zeros((batch_size, num_steps), ctx=ctx), model.begin_state(batch_size=batch_size, ctx=ctx))


def has_weights(model):
    """Return whether all weights of a model are initialized or loaded."""
    if hasattr(model, "collect_params"):
        return all(param._data is not None for param in model.collect_params().values())
    return model.params is not None


def parameters(model):
    """Return name -> Parameter, each parameter of a Gluon model once, with the names that Gluon saves."""
    # Gluon's own function fails for a layer with more than ten layers, and ignores parameters without an attribute.
    names = {param: name for name, param in reversed([*_named_parameters(model, "")])}
    return {names.get(param, name.removeprefix(model.prefix)): param for name, param in model.collect_params().items()}


def _named_parameters(block, prefix):
    """Yield (name, Parameter) for the attributes of a block and of its children."""
    cell = r"\1_cell." if getattr(block, "_dir", 1) == 2 else ""
    for name, param in block._reg_params.items():
        if isinstance(block, _RNNLayer):
            name = re.sub(r"^([lr])(\d+)_", rf"_unfused.\2.{cell}", name)
        yield prefix + name, param
    for name, child in block._children.items():
        yield from _named_parameters(child, f"{prefix}{name}.")


def weights_of(model, ctx):
    """Return name -> NDArray on ctx, all parameters of a model, with and without gradients."""
    if hasattr(model, "collect_params"):
        return {name: param.data(ctx) for name, param in parameters(model).items()}
    return {str(i): param for i, param in enumerate(model.params)}


def trainable_weights(model, ctx):
    """Return the parameters that have gradients, with names such as "rnn.0.i2h_weight"."""
    weights = weights_of(model, ctx).items()
    return {name.replace("._unfused", ""): weight for name, weight in weights if weight.grad is not None}


def lr_multipliers(model):
    """Return name -> factor of the learning rate, for the parameters in which Gluon's users have set one."""
    params = parameters(model).items() if hasattr(model, "collect_params") else ()
    return {name.replace("._unfused", ""): param.lr_mult for name, param in params if param.lr_mult != 1}


def is_state_of(layer, state, inputs):
    """Return whether a state is the list or tuple that a layer of `gluon.rnn` expects for inputs (batch_size, ...)."""
    is_list = isinstance(layer, _RNNLayer) and isinstance(state, list | tuple)
    return is_list and [s.shape for s in state] == [info["shape"] for info in layer.state_info(inputs.shape[0])]


def compiled(model, one_step=False):
    """Return a block that computes an `RNNModel` faster, or None if only the model itself can.

    The block shares the parameters of the model's layers but does not call the layers. Therefore it replaces neither
    unusual layers, nor layers with hooks, nor hybridized layers before their first call, after which they can be
    exported.

    Args:
        model: The model.
        one_step: Whether the block is for inputs of a single time step.
    """
    layer, dense, kind = model.rnn, model.dense, OneStep if one_step else Compiled
    if not _is_standard(layer, dense) or any(map(_must_be_called, (layer, dense))) or one_step and layer._dir == 2:
        return None
    blocks, key = compiled_blocks.setdefault(model, {}), (kind, layer, dense, model.vocab_size)
    # Compiling takes as long as predicting ten characters. Without weights, Gluon infers their shapes when it calls the
    # layers.
    if key not in blocks and has_weights(layer) and has_weights(dense):
        blocks[key] = kind(layer, dense, model.vocab_size)
    return blocks.get(key)


def _is_standard(layer, dense):
    """Return whether the layers are one of `gluon.rnn` and a dense layer, without unusual options."""
    return (
        type(layer) in (rnn.RNN, rnn.LSTM, rnn.GRU) and layer._layout == "TNC" and not layer._use_sequence_length
        and layer._projection_size is None and layer._lstm_state_clip_min is None
        and type(dense) is nn.Dense and dense.act is None
    )  # fmt: skip


def _must_be_called(block):
    """Return whether the user notices that a block is not called."""
    has_hooks = block._forward_hooks or block._forward_pre_hooks or block._callback
    return has_hooks or (block._active and not block._cached_op)


class Compiled(HybridBlock):
    """An `RNNModel` as one graph, which MXNet compiles on the first call, and whose memory it reuses.

    Args:
        layer: The recurrent layer of an `RNNModel`.
        dense: Its output layer.
        vocab_size: Its number of different characters.
    """

    def __init__(self, layer, dense, vocab_size):
        super().__init__(prefix="")
        for block in (layer, dense):
            self.params.update(block.params)
            self._reg_params.update(block._reg_params)
        self.vocab_size, self.num_outputs = vocab_size, dense._units
        self.options = {
            "state_size": layer._hidden_size, "num_layers": layer._num_layers, "bidirectional": layer._dir == 2,
            "p": layer._dropout, "mode": layer._mode, "state_outputs": True,
        }  # fmt: skip
        order = itertools.product(("weight", "bias"), range(layer._num_layers), "lr"[: layer._dir], ("i2h", "h2h"))
        self.order = [f"{direction}{number}_{inputs}_{kind}" for kind, number, direction, inputs in order]
        self.hybridize(static_alloc=True, static_shape=True)

    def hybrid_forward(self, F, inputs, state, weight, bias=None, **weights):
        """Return what `RNNModel` returns; weight and bias are those of its output layer."""
        X = F.one_hot(F.transpose(inputs), self.vocab_size)
        # MXNet's operator needs all weights as one vector. Gluon concatenates them elementwise in every step, and
        # splits the gradient in the same way. The size of every weight is a multiple of the hidden size, and MXNet
        # copies rows of that size as a whole, which makes a step faster by a tenth.
        rows = [F.reshape(weights[name], (-1, self.options["state_size"])) for name in self.order]
        Y, *state = F.RNN(X, F.reshape(F.concat(*rows, dim=0), (-1,)), *state, **self.options)
        return self._logits(F, F.reshape(Y, (-3, 0)), weight, bias), state

    def _logits(self, F, Y, weight, bias):
        return F.FullyConnected(Y, weight, bias, no_bias=bias is None, num_hidden=self.num_outputs)


class OneStep(Compiled):
    """An `RNNModel` for a single time step, which takes a fifth of the time.

    MXNet's fused operator rearranges all weights before it computes, which pays off only for many steps.
    """

    def hybrid_forward(self, F, inputs, state, weight, bias=None, **weights):
        """Return what `RNNModel` returns, for inputs of shape (batch_size, 1)."""
        size, mode = self.options["state_size"], self.options["mode"]
        kinds = {"lstm": rnn.LSTMCell, "gru": rnn.GRUCell}
        # A Gluon cell as a function; its own weights are not used.
        cell = kinds[mode](size, prefix="") if mode in kinds else rnn.RNNCell(size, mode[len("rnn_") :], prefix="")
        Y, new = F.one_hot(F.reshape(inputs, -1), self.vocab_size), []
        layers = zip(*(F.split(s, self.options["num_layers"], axis=0, squeeze_axis=True) for s in state), strict=True)
        for number, layer_state in enumerate(layers):
            names = [name for name in weights if name.startswith(f"l{number}_")]
            Y, layer_state = cell.hybrid_forward(F, Y, layer_state, **{n.partition("_")[2]: weights[n] for n in names})
            new.append(layer_state)
        return self._logits(F, Y, weight, bias), [F.stack(*arrays, axis=0) for arrays in zip(*new, strict=True)]
