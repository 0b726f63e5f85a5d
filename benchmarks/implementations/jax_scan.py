"""JAX: the whole training step compiled, with `lax.scan` over the time steps."""

import math
from functools import partial

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp


def lstm_cell(W_h, state, from_input):
    """Compute one time step of (H, C), shapes (batch_size, num_hiddens)."""
    H, C = state
    i, f, g, o = jnp.split(from_input + H @ W_h.T, 4, axis=1)
    C = jax.nn.sigmoid(f) * C + jax.nn.sigmoid(i) * jnp.tanh(g)
    H = jax.nn.sigmoid(o) * jnp.tanh(C)
    return (H, C), H


def mean_loss(params, X, y, state):
    """Return the cross-entropy loss in nats per character and the new state."""
    layers, (W, b) = params
    Y, new_state = jax.nn.one_hot(X, len(b)), []
    for (W_x, W_h, b_x, b_h), first in zip(layers, state, strict=True):
        # The products with the inputs of all time steps are one product.
        last, Y = lax.scan(partial(lstm_cell, W_h), first, Y @ W_x.T + b_x + b_h)
        new_state.append(last)
    log_probability = jnp.take_along_axis(jax.nn.log_softmax(Y @ W.T + b), y[..., None], axis=-1)
    return -log_probability.mean(), new_state


@partial(jax.jit, donate_argnums=(0, 1))
def train_step(params, state, X, y, lr, clipping_theta):
    """Return the weights and the state after one minibatch, and its loss."""
    (loss, state), gradient = jax.value_and_grad(mean_loss, has_aux=True)(params, X, y, state)
    norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient)))
    scale = lr * jnp.minimum(clipping_theta / norm, 1)
    return jax.tree.map(lambda w, g: w - scale * g, params, gradient), state, loss


def train(p, report):
    """Train; report each perplexity."""
    minibatches = [(jnp.array(X), jnp.array(y)) for X, y in p.minibatches()]
    layers, output = p.initial_weights()
    zeros = np.zeros(4 * p.num_hiddens, "float32")
    params = [(*pair, zeros, zeros) for pair in layers], (output, np.zeros(p.vocab_size, "float32"))
    params = jax.tree.map(jnp.array, params)
    while True:
        losses = []
        state = [tuple(jnp.zeros((2, p.batch_size, p.num_hiddens))) for _ in range(p.num_layers)]
        for X, y in minibatches:
            params, state, loss = train_step(params, state, X, y, p.lr, p.clipping_theta)
            losses.append(loss)
        jax.block_until_ready(params)
        report(math.exp(jnp.stack(losses).mean()))
