"""What is known here of Gluon's private parts, and nowhere else."""

from functools import lru_cache

from mxnet import nd
from mxnet.gluon import Block, HybridBlock
from mxnet.gluon.rnn.rnn_layer import _RNNLayer


def facts(model):
    """What kind of network a model is: name -> what JSON can hold, None where the model does not say."""
    layer = getattr(model, "rnn", model)
    return {
        "model": getattr(layer, "__name__", type(layer).__name__),
        "num_layers": getattr(layer, "_num_layers", None),
        "directions": getattr(layer, "_dir", None),
        "dropout": getattr(layer, "_dropout", None),
        "activation": getattr(layer, "_mode", None),
        "num_hiddens": getattr(layer, "_hidden_size", getattr(model, "num_hiddens", None)),
    }


def initialize_weights(model, initializer, batch_size, num_steps, ctx):
    """Give a model new weights from an initializer, on ctx, for minibatches of batch_size by num_steps."""
    model.initialize(ctx=ctx, init=initializer, force_reinit=True)
    if isinstance(model, Block):
        # Gluon learns the shapes of its weights from the first input.
        model(nd.zeros((batch_size, num_steps), ctx=ctx), model.begin_state(batch_size=batch_size, ctx=ctx))


def has_weights(model):
    """Whether a model's weights have been drawn or loaded, all of them."""
    if isinstance(model, Block):
        return all(param._data is not None for param in model.collect_params().values())
    return model.params is not None


def weights_of(model, ctx):
    """Name -> NDArray on ctx, all that belongs to a model, whether it has a gradient or not."""
    if isinstance(model, Block):
        return {name: param.data(ctx) for name, param in model._collect_params_with_prefix().items()}
    return {str(i): param for i, param in enumerate(model.params)}


def trainable_weights(model, ctx):
    """Those of `weights_of` that have a gradient, under names without Gluon's inner blocks: "rnn.0.i2h_weight"."""
    weights = weights_of(model, ctx).items()
    return {name.replace("._unfused", ""): weight for name, weight in weights if weight.grad is not None}


def join_weights_by_rows(layer, input_size):
    """Let a layer of `gluon.rnn` compute the same in nine tenths of the time; leaves any other layer alone.

    MXNet's operator wants all the weights of a layer as one vector. Gluon joins them anew in
    every step, number by number, and takes the gradient apart in the same way. The size of
    every weight is a multiple of the hidden size, so here they are joined by rows of that size,
    which MXNet copies whole.

    layer: is changed in place, for good. input_size: the number of its inputs.
    """
    if not _is_plain(layer):
        return
    hidden_size = layer._hidden_size
    names = [
        f"{direction}{number}_{inputs}_{kind}"
        for kind in ("weight", "bias")
        for number in range(layer._num_layers)
        for direction in "lr"[: layer._dir]
        for inputs in ("i2h", "h2h")
    ]

    def forward_kernel(F, inputs, states, sequence_length, **weights):
        for name in ("l0_i2h_weight", "r0_i2h_weight")[: layer._dir]:
            # From rows alone MXNet could not tell how large the input is.
            weights[name] = F.reshape(weights[name], (layer._gates * hidden_size, input_size))
        rows = [F.reshape(weights[name], (-1, hidden_size)) for name in names]
        vector = F.reshape(F.concat(*rows, dim=0), (-1,))
        outputs, *states = F.RNN(
            inputs, vector, *states, state_size=hidden_size, num_layers=layer._num_layers,
            bidirectional=layer._dir == 2, p=layer._dropout, mode=layer._mode, state_outputs=True,
        )  # fmt: skip
        return outputs, states

    layer._forward_kernel = forward_kernel


def _is_plain(layer):
    """Whether a layer is one of `gluon.rnn` with nothing unusual about it."""
    return (
        isinstance(layer, _RNNLayer) and layer._layout == "TNC" and not layer._use_sequence_length
        and layer._projection_size is None and layer._lstm_state_clip_min is None
    )  # fmt: skip


@lru_cache(maxsize=2)  # to compile it takes as long as to write ten characters
def one_step(layer, dense, vocab_size):
    """A `OneStep` of these; None for a layer of another kind, and for one that also needs the steps to come."""
    return OneStep(layer, dense, vocab_size) if _is_plain(layer) and layer._dir == 1 else None


class OneStep(HybridBlock):
    """An `RNNModel` for a single time step, cell by cell, with that model's weights: a fifth of its time.

    MXNet's fused operator rearranges all weights before it computes, which pays with many steps only.

    layer, dense, vocab_size: the recurrent layer, the output layer and the number of characters of an `RNNModel`.
    """

    def __init__(self, layer, dense, vocab_size):
        super().__init__()
        self.num_layers, self.vocab_size = layer._num_layers, vocab_size
        self.cells, self.dense = layer._unfuse(), dense
        self.hybridize(static_alloc=True, static_shape=True)

    def hybrid_forward(self, F, inputs, state):
        """As the model's, for inputs of shape (batch_size, 1)."""
        X = F.one_hot(F.reshape(inputs, -1), self.vocab_size)
        layers = zip(*(F.split(s, self.num_layers, axis=0, squeeze_axis=True) for s in state), strict=True)
        Y, new = self.cells(X, [s for layer in layers for s in layer])
        kinds = len(state)
        return self.dense(Y), [F.stack(*new[kind::kinds], axis=0) for kind in range(kinds)]
