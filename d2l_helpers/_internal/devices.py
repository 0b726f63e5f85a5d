"""Which device computes: a GPU only after it has computed something right."""

import warnings

import mxnet as mx
import numpy as np
from mxnet import autograd, nd
from mxnet.gluon import rnn

from d2l_helpers._internal import cuda

# Compute capabilities of the cards that MXNet's CUDA build has machine code for: from 5.0, below 9.0. That for 8.6
# runs on 8.9 as well, but none on a card of another major version, and there is nothing to compile anew from.
OLDEST_CARD = (5, 0)
TOO_NEW_CARD = (9, 0)


def try_gpu():
    """The first GPU if it works, `mx.gpu(0)`, else `mx.cpu()`.

    A GPU counts as working once it has computed something and got it right; about one that
    does not there is a warning that says why and what to do.

    Source: the document's second cell.
    """
    return _usable_gpus(at_most=1)[0]


def try_all_gpus():
    """A list of all GPUs that work, or `[mx.cpu()]` if there is none. Warnings as in `try_gpu`."""
    return _usable_gpus(at_most=None)


def _usable_gpus(at_most):
    try:
        gpus = [mx.gpu(i) for i in range(mx.context.num_gpus())][:at_most]
    except mx.MXNetError as error:
        _warn_about("The GPU", _last_line(error))
        gpus = []
    return [gpu for gpu in gpus if _works(gpu)] or [mx.cpu()]


def _works(gpu):
    """Whether a GPU computes what the CPU computes; if not, a warning says what went wrong."""
    fault = _wrong_card(cuda.compute_capability(gpu.device_id)) or _miscalculation(gpu)
    if fault:
        _warn_about(f"GPU {gpu.device_id}", fault)
    return fault is None


def _wrong_card(capability):
    """What is wrong with a card of that compute capability, before MXNet starts anything on it; or None."""
    if capability is None or OLDEST_CARD <= capability < TOO_NEW_CARD:
        return None
    major, minor = capability
    return f"its compute capability is {major}.{minor}, and MXNet has machine code for 5.0 to 8.9"


def _miscalculation(gpu):
    """What goes wrong when a GPU computes, or None."""
    try:
        right = np.allclose(_small_lstm_step(gpu), _small_lstm_step(mx.cpu()), rtol=1e-3, atol=1e-5)
        return None if right else "it computes wrong numbers"
    except mx.MXNetError as error:
        return _last_line(error)


def _small_lstm_step(ctx):
    """The sum and the gradient of a small LSTM's outputs, computed on a device; a NumPy vector."""
    layer = rnn.LSTM(hidden_size=4, num_layers=2, input_size=3)
    layer.initialize(mx.init.Constant(0.1), ctx=ctx)
    X = nd.arange(30, ctx=ctx).reshape((5, 2, 3)) / 30  # (num_steps, batch_size, inputs)
    with autograd.record():
        total = layer(X).sum()
    total.backward()
    weight = layer.l0_i2h_weight.grad(ctx)
    return nd.concat(total, weight.reshape((-1,)), dim=0).asnumpy()


def _last_line(error):
    """The line of MXNet's message that says what is wrong; those before it are the way there."""
    return str(error).strip().splitlines()[-1]


def _warn_about(device, fault):
    warnings.warn(
        f"{device} cannot be used ({fault}), so the CPU computes: see the README's section on GPUs for the package "
        "and the CUDA libraries that this card needs.",
        stacklevel=4,
    )
