"""The device that computes: a GPU is used only if it passes a numerical self-test."""

import warnings

import mxnet as mx
import numpy as np
from mxnet import autograd, nd
from mxnet.gluon import rnn

from d2l_helpers._internal import cuda

# MXNet's CUDA build has binaries for these compute capabilities; 8.9 runs those for 8.6.
MIN_CAPABILITY, MAX_CAPABILITY = (5, 0), (8, 9)


def try_gpu():
    """Return the first GPU, `mx.gpu(0)`, if it passes a self-test, else `mx.cpu()`.

    A warning says why a GPU cannot be used.

    Source: the original notebook's second cell.
    """
    return _usable_gpus(at_most=1)[0]


def try_all_gpus():
    """Return the list of all GPUs that pass a self-test, or `[mx.cpu()]` if there is none."""
    return _usable_gpus(at_most=None)


def _usable_gpus(at_most):
    try:
        gpus = [mx.gpu(i) for i in range(mx.context.num_gpus())][:at_most]
    except mx.MXNetError as error:
        _warn("The GPU", error)
        gpus = []
    return [gpu for gpu in gpus if _works(gpu)] or [mx.cpu()]


def _works(gpu):
    """Return whether a GPU computes a small LSTM; if not, a warning says why."""
    capability = cuda.compute_capability(gpu.device_id)
    try:
        if capability and not MIN_CAPABILITY <= capability <= MAX_CAPABILITY:  # MXNet must not start anything on it
            got = f"its compute capability is {capability[0]}.{capability[1]}"
            raise mx.MXNetError(f"{got}, and MXNet supports 5.0 to 8.9")
        if np.allclose(_small_lstm_step(gpu), _small_lstm_step(mx.cpu()), rtol=1e-3, atol=1e-5):
            return True
        raise mx.MXNetError("it computes wrong numbers")
    except mx.MXNetError as error:
        _warn(f"GPU {gpu.device_id}", error)
        return False


def _small_lstm_step(ctx):
    """Return the sum of a small LSTM's outputs and its gradient, computed on a device, as a NumPy vector."""
    layer = rnn.LSTM(hidden_size=4, num_layers=2, input_size=3)
    layer.initialize(mx.init.Constant(0.1), ctx=ctx)
    X = nd.arange(30, ctx=ctx).reshape((5, 2, 3)) / 30  # (num_steps, batch_size, inputs)
    with autograd.record():
        total = layer(X).sum()
    total.backward()
    return nd.concat(total, layer.l0_i2h_weight.grad(ctx).reshape((-1,)), dim=0).asnumpy()


def _warn(device, error):
    problem = str(error).strip().splitlines()[-1]  # the lines before it are a stack trace of MXNet
    message = f"{device} cannot be used ({problem}), so the CPU computes; see the section GPU in docs/installation.md."
    warnings.warn(message, stacklevel=4)
