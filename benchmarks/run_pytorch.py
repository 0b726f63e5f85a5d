"""PyTorch, eager: one_hot, nn.LSTM, nn.Linear, and nothing in the loop that waits for a number."""

import math

import torch
from torch import nn
from torch.nn import functional


class Model(nn.Module):
    """An LSTM on one-hot vectors and an output layer."""

    def __init__(self, vocab_size, num_hiddens, num_layers):
        super().__init__()
        self.vocab_size = vocab_size
        self.rnn = nn.LSTM(vocab_size, num_hiddens, num_layers)
        self.dense = nn.Linear(num_hiddens, vocab_size)

    def forward(self, X, state):
        """X: indices, shape (num_steps, batch_size). Returns logits (num_steps * batch_size, vocab_size), state."""
        Y, state = self.rnn(functional.one_hot(X, self.vocab_size).float(), state)
        return self.dense(Y.flatten(0, 1)), state

    @torch.no_grad()
    def start_from(self, weights):
        """Set all weights; the gates' order is MXNet's, and there are two biases per gate as well."""
        layers, output = weights
        for parameter in self.parameters():
            parameter.zero_()
        for k, (of_input, of_state) in enumerate(layers):
            getattr(self.rnn, f"weight_ih_l{k}").copy_(torch.from_numpy(of_input))
            getattr(self.rnn, f"weight_hh_l{k}").copy_(torch.from_numpy(of_state))
        self.dense.weight.copy_(torch.from_numpy(output))


def train(
    corpus_indices, vocab_size, num_hiddens, num_layers, num_steps, batch_size, lr, clipping_theta, weights, report
):
    """Train without end; see run_d2l_helpers.train."""
    length = len(corpus_indices) // batch_size
    strips = torch.tensor(corpus_indices[: batch_size * length]).reshape(batch_size, length).T
    minibatches = [
        (strips[i : i + num_steps].contiguous(), strips[i + 1 : i + 1 + num_steps].flatten())
        for i in range(0, (length - 1) // num_steps * num_steps, num_steps)
    ]
    model = Model(vocab_size, num_hiddens, num_layers)
    model.start_from(weights)
    optimizer = torch.optim.SGD(model.parameters(), lr)
    while True:
        losses = []
        state = None  # zeros
        for X, y in minibatches:
            output, state = model(X, state)
            state = [s.detach() for s in state]
            loss = functional.cross_entropy(output, y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), clipping_theta)
            optimizer.step()
            losses.append(loss.detach())
        report(math.exp(torch.stack(losses).mean().item()))
