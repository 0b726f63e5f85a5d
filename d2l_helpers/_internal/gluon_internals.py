"""The only module that uses Gluon's private API."""

import itertools
from functools import lru_cache

from mxnet import nd
from mxnet.gluon import Block, HybridBlock
from mxnet.gluon.rnn.rnn_layer import _RNNLayer


def layer_config(model):
    """Return the configuration of a model's recurrent layer, a dict that JSON can store; None for unknown values."""
    layer = getattr(model, "rnn", model)
    return {
        "model": getattr(layer, "__name__", type(layer).__name__),
        "num_layers": getattr(layer, "_num_layers", None),
        "directions": getattr(layer, "_dir", None),
        "dropout": getattr(layer, "_dropout", None),
        "activation": getattr(layer, "_mode", None),
        "num_hiddens": getattr(layer, "_hidden_size", getattr(model, "num_hiddens", None)),
    }


def unusual_network(model):
    """Return None for a network that `load_model` can rebuild from its configuration, else the name of its class."""
    name, layer = type(model).__name__, getattr(model, "rnn", None)
    is_usual = (type(model).__module__, name) == ("d2l_helpers.model", "RNNModel") and _is_standard(layer)
    return None if is_usual or not isinstance(model, Block) else name


def initialize_weights(model, initializer, batch_size, num_steps, ctx):
    """Draw a model's initial weights on ctx, for minibatches of shape (batch_size, num_steps)."""
    model.initialize(ctx=ctx, init=initializer, force_reinit=True)
    if isinstance(model, Block):
        # Gluon infers the shapes of the weights from the first input.
        model(nd.zeros((batch_size, num_steps), ctx=ctx), model.begin_state(batch_size=batch_size, ctx=ctx))


def has_weights(model):
    """Return whether all weights of a model are initialized or loaded."""
    if isinstance(model, Block):
        return all(param._data is not None for param in model.collect_params().values())
    return model.params is not None


def weights_of(model, ctx):
    """Return name -> NDArray on ctx, all parameters of a model, with and without gradients."""
    if isinstance(model, Block):
        return {name: param.data(ctx) for name, param in model._collect_params_with_prefix().items()}
    return {str(i): param for i, param in enumerate(model.params)}


def weight_shapes(model):
    """Return name -> shape of all parameters of a Gluon block; a size that Gluon does not know yet is 0 or -1."""
    return {name: param.shape for name, param in model._collect_params_with_prefix().items()}


def trainable_weights(model, ctx):
    """Return the parameters that have gradients, with names such as "rnn.0.i2h_weight"."""
    weights = weights_of(model, ctx).items()
    return {name.replace("._unfused", ""): weight for name, weight in weights if weight.grad is not None}


def join_weights_by_rows(layer, input_size):
    """Speed up a layer of `gluon.rnn` by a tenth, in place; any other layer does not change.

    MXNet's operator needs all weights of a layer as one vector. Gluon concatenates them elementwise in every step, and
    splits the gradient in the same way. The size of every weight is a multiple of the hidden size, so this function
    concatenates rows of that size, which MXNet copies as a whole.

    Args:
        layer: The recurrent layer.
        input_size: Number of its inputs.
    """
    if not _is_standard(layer):
        return
    hidden_size = layer._hidden_size
    order = itertools.product(("weight", "bias"), range(layer._num_layers), "lr"[: layer._dir], ("i2h", "h2h"))
    names = [f"{direction}{number}_{inputs}_{kind}" for kind, number, direction, inputs in order]

    def forward_kernel(F, inputs, states, sequence_length, **weights):
        for name in ("l0_i2h_weight", "r0_i2h_weight")[: layer._dir]:
            # MXNet cannot infer the input size from the rows.
            weights[name] = F.reshape(weights[name], (layer._gates * hidden_size, input_size))
        rows = [F.reshape(weights[name], (-1, hidden_size)) for name in names]
        vector = F.reshape(F.concat(*rows, dim=0), (-1,))
        outputs, *states = F.RNN(
            inputs, vector, *states, state_size=hidden_size, num_layers=layer._num_layers,
            bidirectional=layer._dir == 2, p=layer._dropout, mode=layer._mode, state_outputs=True,
        )  # fmt: skip
        return outputs, states

    layer._forward_kernel = forward_kernel


def _is_standard(layer):
    """Return whether a layer is one of `gluon.rnn` without unusual options."""
    return (
        isinstance(layer, _RNNLayer) and layer._layout == "TNC" and not layer._use_sequence_length
        and layer._projection_size is None and layer._lstm_state_clip_min is None
    )  # fmt: skip


@lru_cache(maxsize=2)  # compiling it takes as long as predicting ten characters
def one_step(layer, dense, vocab_size):
    """Return a `OneStep`, or None for a bidirectional layer and for one that is not in `gluon.rnn`."""
    return OneStep(layer, dense, vocab_size) if _is_standard(layer) and layer._dir == 1 else None


class OneStep(HybridBlock):
    """An `RNNModel` for a single time step, which shares that model's weights and takes a fifth of its time.

    MXNet's fused operator rearranges all weights before it computes, which pays off only for many steps.

    Args:
        layer: The recurrent layer of an `RNNModel`.
        dense: Its output layer.
        vocab_size: Its number of different characters.
    """

    def __init__(self, layer, dense, vocab_size):
        super().__init__()
        self.num_layers, self.vocab_size = layer._num_layers, vocab_size
        self.cells, self.dense = layer._unfuse(), dense
        self.hybridize(static_alloc=True, static_shape=True)

    def hybrid_forward(self, F, inputs, state):
        """Return what `RNNModel` returns, for inputs of shape (batch_size, 1)."""
        X = F.one_hot(F.reshape(inputs, -1), self.vocab_size)
        layers = zip(*(F.split(s, self.num_layers, axis=0, squeeze_axis=True) for s in state), strict=True)
        Y, new = self.cells(X, [s for layer in layers for s in layer])
        kinds = len(state)
        return self.dense(Y), [F.stack(*new[kind::kinds], axis=0) for kind in range(kinds)]
