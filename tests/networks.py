"""A recurrent network given as functions, as `train_and_predict_rnn` takes it: tanh and three matrices."""

from mxnet import nd


def new_params(num_hiddens, vocab_size, scale=0.1):
    """[W_xh, W_hh, W_hq], drawn anew, with gradients."""
    shapes = [(vocab_size, num_hiddens), (num_hiddens, num_hiddens), (num_hiddens, vocab_size)]
    params = [nd.random.normal(scale=scale, shape=shape) for shape in shapes]
    for param in params:
        param.attach_grad()
    return params


def forward(inputs, state, params):
    """The logits of every time step, and the last state."""
    W_xh, W_hh, W_hq = params
    (H,) = state
    outputs = []
    for X in inputs:
        H = nd.tanh(nd.dot(X, W_xh) + nd.dot(H, W_hh))
        outputs.append(nd.dot(H, W_hq))
    return outputs, (H,)


def zeros(batch_size, num_hiddens, ctx):
    """The state to start from."""
    return (nd.zeros((batch_size, num_hiddens), ctx=ctx),)
