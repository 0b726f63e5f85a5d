"""Networks that students bring: name -> function of a library (d2l_helpers or d2lzh) that returns a new model."""

from mxnet import gluon, init, nd
from mxnet.gluon import nn, rnn

VOCAB_SIZE, NUM_HIDDENS = 43, 8


class Loop(nn.Block):
    """A layer that calls a cell in a loop."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, X, state):
        outputs = []
        for x in X:
            y, state = self.cell(x, state)
            outputs.append(y)
        return nd.stack(*outputs), state

    def begin_state(self, batch_size=0, ctx=None):
        return self.cell.begin_state(func=nd.zeros, batch_size=batch_size, ctx=ctx)


class Unrolled(Loop):
    """A layer that unrolls a cell."""

    def forward(self, X, state):
        return self.cell.unroll(len(X), X, begin_state=state, layout="TNC", merge_outputs=True)


class Elman(nn.Block):
    """A layer whose state is an NDArray, or contains one in the given form."""

    def __init__(self, pack=lambda H: H, unpack=lambda state: state):
        super().__init__()
        self.of_input, self.recurrent = nn.Dense(NUM_HIDDENS), nn.Dense(NUM_HIDDENS)
        self.pack, self.unpack = pack, unpack

    def forward(self, X, state):
        outputs = [self.unpack(state)]
        for x in X:
            outputs.append(nd.tanh(self.of_input(x) + self.recurrent(outputs[-1])))
        return nd.stack(*outputs[1:]), self.pack(outputs[-1])

    def begin_state(self, batch_size=0, ctx=None):
        return self.pack(nd.zeros((batch_size, NUM_HIDDENS), ctx=ctx))


class Layers(nn.Block):
    """A layer that is a Sequential of layers."""

    def __init__(self, container):
        super().__init__()
        self.layers = container()
        self.layers.add(rnn.GRU(NUM_HIDDENS), rnn.GRU(NUM_HIDDENS))

    def forward(self, X, state):
        new = []
        for layer, H in zip(self.layers, state, strict=True):
            X, (H,) = layer(X, [H])
            new.append(H)
        return X, new

    def begin_state(self, batch_size=0, ctx=None):
        return [layer.begin_state(batch_size=batch_size, ctx=ctx)[0] for layer in self.layers]


class HybridLayer(gluon.HybridBlock):
    """A HybridBlock around a layer of Gluon, with attributes that look like those of Gluon's layers."""

    def __init__(self):
        super().__init__()
        self.layer, self._dropout, self._hidden_size = rnn.GRU(NUM_HIDDENS), nn.Dropout(0.0), [NUM_HIDDENS]

    def hybrid_forward(self, F, X, state):
        Y, state = self.layer(F.tanh(X), state)
        return self._dropout(Y), state

    def begin_state(self, **kwargs):
        return self.layer.begin_state(**kwargs)


class WholeModel(nn.Block):
    """A model that is not an RNNModel."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.embedding, self.layer = nn.Embedding(VOCAB_SIZE, NUM_HIDDENS), rnn.GRU(NUM_HIDDENS)
            self.output = self.output_layer()

    def output_layer(self):
        return nn.Dense(VOCAB_SIZE)

    def forward(self, X, state):
        Y, state = self.layer(self.embedding(X.T), state)
        return self.output(Y.reshape((-1, NUM_HIDDENS))), state

    def begin_state(self, **kwargs):
        return self.layer.begin_state(**kwargs)


class TiedModel(WholeModel):
    """A model whose output layer has the weight of its embedding."""

    def output_layer(self):
        return nn.Dense(VOCAB_SIZE, in_units=NUM_HIDDENS, params=self.embedding.params)


class HybridModel(gluon.HybridBlock):
    """A model that is a hybridized HybridBlock."""

    def __init__(self):
        super().__init__()
        self.layer, self.output = rnn.LSTM(NUM_HIDDENS), nn.Dense(VOCAB_SIZE)
        self.hybridize()

    def hybrid_forward(self, F, X, state):
        Y, state = self.layer(F.one_hot(F.transpose(X), VOCAB_SIZE), state)
        return self.output(F.reshape(Y, (-3, 0))), state

    def begin_state(self, **kwargs):
        return self.layer.begin_state(**kwargs)


class ListOfParameters(nn.Block):
    """A model whose parameters are not attributes."""

    def __init__(self):
        super().__init__()
        shapes = [(VOCAB_SIZE, NUM_HIDDENS), (NUM_HIDDENS, NUM_HIDDENS), (NUM_HIDDENS, VOCAB_SIZE)]
        self.weights = [self.params.get(f"weight{i}", shape=shape) for i, shape in enumerate(shapes)]

    def forward(self, X, state):
        (H,), outputs = state, []
        W_xh, W_hh, W_hq = (weight.data() for weight in self.weights)
        for x in nd.one_hot(X.T, VOCAB_SIZE):
            H = nd.tanh(nd.dot(x, W_xh) + nd.dot(H, W_hh))
            outputs.append(nd.dot(H, W_hq))
        return nd.concat(*outputs, dim=0), (H,)

    def begin_state(self, batch_size, ctx):
        return (nd.zeros((batch_size, NUM_HIDDENS), ctx=ctx),)


class Outer(nn.Block):
    """A model that contains an RNNModel."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, X, state):
        return self.model(X, state)

    def begin_state(self, **kwargs):
        return self.model.begin_state(**kwargs)


class Wrapper:
    """An object that is no Block, but has the same methods."""

    def __init__(self, model):
        self.model = model

    def __getattr__(self, name):
        return getattr(self.model, name)

    def __call__(self, X, state):
        return self.model(X, state)


def embedded(library, sparse_grad):
    """Return a subclass of RNNModel with an embedding."""

    class Embedded(library.RNNModel):
        def __init__(self):
            super().__init__(rnn.LSTM(NUM_HIDDENS), VOCAB_SIZE)
            self.embedding = nn.Embedding(VOCAB_SIZE, 6, sparse_grad=sparse_grad)

        def forward(self, X, state):
            Y, state = self.rnn(self.embedding(X.T), state)
            return self.dense(Y.reshape((-1, NUM_HIDDENS))), state

    return Embedded()


def extended(library):
    """Return a subclass of RNNModel that uses its forward and has more states, one of which the loss does not use."""

    class Extended(library.RNNModel):
        def forward(self, X, state):
            logits, (H,) = super().forward(X, state[:1])
            return 2 * logits, [H, H.mean()]

        def begin_state(self, **kwargs):
            return [*super().begin_state(**kwargs), nd.zeros(1)]

    return Extended(rnn.GRU(NUM_HIDDENS), VOCAB_SIZE)


def around(layer):
    """Return a function of a library that returns an RNNModel around a new layer."""
    return lambda library: library.RNNModel(layer(), VOCAB_SIZE)


def changed(change, layer=lambda: rnn.LSTM(NUM_HIDDENS)):
    """Return a function of a library that returns an RNNModel after a change."""

    def new(library):
        model = library.RNNModel(layer(), VOCAB_SIZE)
        change(model)
        return model

    return new


def cells(container, *kinds):
    """Return a container with new cells."""
    for kind in kinds:
        container.add(kind(NUM_HIDDENS))
    return container


def in_scope(library):
    """Return an RNNModel whose name is that of an outer block."""
    with nn.Block(prefix="mine_").name_scope():
        return library.RNNModel(rnn.GRU(NUM_HIDDENS), VOCAB_SIZE)


NETWORKS = {
    "LSTM": around(lambda: rnn.LSTM(NUM_HIDDENS)),
    "GRU 2 layers": around(lambda: rnn.GRU(NUM_HIDDENS, 2)),
    "RNN relu": around(lambda: rnn.RNN(NUM_HIDDENS)),
    "RNN tanh": around(lambda: rnn.RNN(NUM_HIDDENS, activation="tanh")),
    "bidirectional": around(lambda: rnn.LSTM(NUM_HIDDENS, bidirectional=True)),
    "input size": around(lambda: rnn.LSTM(NUM_HIDDENS, input_size=VOCAB_SIZE)),
    "initializers": around(lambda: rnn.LSTM(NUM_HIDDENS, i2h_bias_initializer=init.LSTMBias(1.0))),
    "clipped state": around(lambda: rnn.LSTM(NUM_HIDDENS, state_clip_min=-0.1, state_clip_max=0.1)),
    "shared parameters": around(lambda: rnn.GRU(NUM_HIDDENS, params=rnn.GRU(NUM_HIDDENS).params)),
    "no prefix": lambda library: library.RNNModel(rnn.LSTM(NUM_HIDDENS, prefix=""), VOCAB_SIZE, prefix=""),
    "name scope": in_scope,
    "11 layers": around(lambda: rnn.RNN(NUM_HIDDENS, 11)),
    "12 bidirectional layers": around(lambda: rnn.RNN(NUM_HIDDENS, 12, bidirectional=True)),
    "cell in a loop": around(lambda: Loop(rnn.GRUCell(NUM_HIDDENS))),
    "SequentialRNNCell": around(lambda: Loop(cells(rnn.SequentialRNNCell(), rnn.RNNCell, rnn.GRUCell))),
    "HybridSequentialRNNCell": around(lambda: Loop(cells(rnn.HybridSequentialRNNCell(), rnn.LSTMCell, rnn.GRUCell))),
    "unrolled LSTMCell": around(lambda: Unrolled(rnn.LSTMCell(NUM_HIDDENS))),
    "residual cell": around(lambda: Loop(rnn.ResidualCell(rnn.GRUCell(VOCAB_SIZE)))),
    "zoneout cell": around(lambda: Loop(rnn.ZoneoutCell(rnn.GRUCell(NUM_HIDDENS)))),
    "state as NDArray": around(Elman),
    "state as tuple": around(lambda: Elman(lambda H: (H,), lambda state: state[0])),
    "state as list": around(lambda: Elman(lambda H: [H], lambda state: state[0])),
    "Sequential of layers": around(lambda: Layers(nn.Sequential)),
    "HybridSequential of layers": around(lambda: Layers(nn.HybridSequential)),
    "HybridBlock as layer": around(HybridLayer),
    "embedding": lambda library: embedded(library, sparse_grad=False),
    "embedding with sparse gradient": lambda library: embedded(library, sparse_grad=True),
    "weight tying": lambda library: TiedModel(),
    "whole model": lambda library: WholeModel(),
    "HybridBlock": lambda library: HybridModel(),
    "parameters in a list": lambda library: ListOfParameters(),
    "several state outputs": extended,
    "in another block": lambda library: Outer(around(lambda: rnn.LSTM(NUM_HIDDENS))(library)),
    "not a block": lambda library: Wrapper(around(lambda: rnn.LSTM(NUM_HIDDENS))(library)),
    "lr_mult": changed(lambda model: model.rnn.collect_params().setattr("lr_mult", 0.1)),
    "added gradients": changed(lambda model: model.collect_params().setattr("grad_req", "add")),
    "hybridized": changed(lambda model: model.hybridize()),
    "hook": changed(lambda model: model.rnn.register_forward_hook(lambda *_: None)),
    "initializer of a parameter": changed(lambda model: setattr(model.rnn.l0_h2h_bias, "init", init.One())),
    "output layer without bias": changed(lambda model: setattr(model, "dense", nn.Dense(VOCAB_SIZE, use_bias=False))),
    "output layer with tanh": changed(lambda model: setattr(model, "dense", nn.Dense(VOCAB_SIZE, activation="tanh"))),
    "list as num_hiddens": changed(lambda model: setattr(model, "num_hiddens", [NUM_HIDDENS])),
}
FROZEN = {
    "frozen layer": changed(lambda model: model.rnn.collect_params().setattr("grad_req", "null")),
    "frozen output layer": changed(lambda model: model.dense.collect_params().setattr("grad_req", "null")),
}
