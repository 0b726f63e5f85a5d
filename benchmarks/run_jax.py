"""JAX: the training step compiled as a whole, time as a `lax.scan`."""

import math
from functools import partial

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp


def forward(params, X, state):
    """X: indices, shape (num_steps, batch_size). Returns logits (num_steps, batch_size, vocab_size), state."""
    layers, (W, b) = params
    Y = jax.nn.one_hot(X, len(b))
    new_state = []
    for (W_x, W_h, b_x, b_h), first in zip(layers, state, strict=True):
        # The input's share of all time steps is one product; only the state's has to go step by step.
        last, Y = lax.scan(partial(lstm_cell, W_h), first, Y @ W_x.T + b_x + b_h)
        new_state.append(last)
    return Y @ W.T + b, new_state


def lstm_cell(W_h, state, from_input):
    """One time step of (H, C), shapes (batch_size, num_hiddens), given X_t W_x + b."""
    H, C = state
    i, f, g, o = jnp.split(from_input + H @ W_h.T, 4, axis=1)
    C = jax.nn.sigmoid(f) * C + jax.nn.sigmoid(i) * jnp.tanh(g)
    H = jax.nn.sigmoid(o) * jnp.tanh(C)
    return (H, C), H


@partial(jax.jit, donate_argnums=(0, 1))
def train_step(params, state, X, y, lr, clipping_theta):
    """One minibatch: new weights, new state and the mean loss in nats per character."""

    def mean_loss(params):
        logits, new_state = forward(params, X, state)
        log_probability = jnp.take_along_axis(jax.nn.log_softmax(logits), y[..., None], axis=-1)
        return -log_probability.mean(), new_state

    (loss, state), gradient = jax.value_and_grad(mean_loss, has_aux=True)(params)
    norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient)))
    scale = lr * jnp.minimum(clipping_theta / norm, 1)
    return jax.tree.map(lambda w, g: w - scale * g, params, gradient), state, loss


def train(
    corpus_indices, vocab_size, num_hiddens, num_layers, num_steps, batch_size, lr, clipping_theta, weights, report
):
    """Train without end; see run_d2l_helpers.train."""
    length = len(corpus_indices) // batch_size
    strips = np.array(corpus_indices[: batch_size * length]).reshape(batch_size, length).T
    minibatches = [
        (jnp.array(strips[i : i + num_steps]), jnp.array(strips[i + 1 : i + 1 + num_steps]))
        for i in range(0, (length - 1) // num_steps * num_steps, num_steps)
    ]
    layers, output = weights
    zeros = np.zeros(4 * num_hiddens, "float32")
    params = [(*pair, zeros, zeros) for pair in layers], (output, np.zeros(vocab_size, "float32"))
    params = jax.tree.map(jnp.array, params)
    while True:
        losses = []
        state = [tuple(jnp.zeros((2, batch_size, num_hiddens))) for _ in range(num_layers)]
        for X, y in minibatches:
            params, state, loss = train_step(params, state, X, y, lr, clipping_theta)
            losses.append(loss)
        jax.block_until_ready(params)
        report(math.exp(jnp.stack(losses).mean()))
