"""Not a competitor but a limit: only the epoch's matrix products, in their shapes and in the order the network needs.

PyTorch multiplies, because of what is installed here it does so fastest.
"""

import torch
from worker import num_minibatches


def train(
    corpus_indices, vocab_size, num_hiddens, num_layers, num_steps, batch_size, lr, clipping_theta, weights, report
):
    """Without end; see run_d2l_helpers.train. Nothing is learned, so there is no perplexity."""
    rows = num_steps * batch_size
    inputs = [vocab_size] + [num_hiddens] * (num_layers - 1)
    X = [torch.rand(rows, size) for size in inputs]
    W_x = [torch.rand(size, 4 * num_hiddens) for size in inputs]
    W_h = [torch.rand(num_hiddens, 4 * num_hiddens) for _ in inputs]
    H = torch.rand(rows, num_hiddens)
    gates = torch.rand(rows, 4 * num_hiddens)
    W_out = torch.rand(num_hiddens, vocab_size)
    logits = torch.rand(rows, vocab_size)
    H_step, gates_step = H[:batch_size].clone(), gates[:batch_size].clone()  # one time step's
    gradients = {W: torch.empty_like(W) for W in (*W_x, *W_h, W_out)}

    def product(A, B, into):
        torch.mm(A, B, out=into)

    def forward():
        for layer in range(num_layers):
            product(X[layer], W_x[layer], gates)  # all time steps at once
            for _ in range(num_steps):
                product(H_step, W_h[layer], gates_step)  # each needs the one before
        product(H, W_out, logits)

    def backward():
        product(logits, W_out.T, H)
        product(H.T, logits, gradients[W_out])
        for layer in reversed(range(num_layers)):
            for _ in range(num_steps):
                product(gates_step, W_h[layer].T, H_step)
            product(H.T, gates, gradients[W_h[layer]])
            product(X[layer].T, gates, gradients[W_x[layer]])
            if layer > 0:
                product(gates, W_x[layer].T, X[layer])

    with torch.inference_mode():
        while True:
            for _ in range(num_minibatches(len(corpus_indices), num_steps, batch_size)):
                forward()
                backward()
            report(None)
