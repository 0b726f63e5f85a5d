"""Not a competitor but a limit: as much arithmetic as an epoch needs, as three square matrix products.

PyTorch multiplies, because of what is installed here it does so fastest.
"""

import torch
from worker import flop

PRODUCTS = 3  # of about 2000 x 2000 each with the document's network: large enough for full speed


def train(
    corpus_indices, vocab_size, num_hiddens, num_layers, num_steps, batch_size, lr, clipping_theta, weights, report
):
    """Without end; see run_d2l_helpers.train. Nothing is learned, so there is no perplexity."""
    operations = flop(len(corpus_indices), vocab_size, num_hiddens, num_layers, num_steps, batch_size)
    side = round((operations / 2 / PRODUCTS) ** (1 / 3))
    A, B, C = torch.rand(3, side, side)
    while True:
        for _ in range(PRODUCTS):
            torch.mm(A, B, out=C)
        report(None)
