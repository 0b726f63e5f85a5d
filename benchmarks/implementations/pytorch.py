"""PyTorch in eager mode: `one_hot`, `nn.LSTM`, `nn.Linear`, and no wait for the device inside an epoch."""

import math

import problem
import torch
from torch import nn
from torch.nn import functional


class Model(nn.Module):
    """An LSTM on one-hot vectors and an output layer, with the initial weights."""

    def __init__(self, p):
        super().__init__()
        self.vocab_size = p.vocab_size
        self.rnn = nn.LSTM(p.vocab_size, p.num_hiddens, p.num_layers)
        self.dense = nn.Linear(p.num_hiddens, p.vocab_size)
        layers, output = p.initial_weights()
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()
            for k, (of_input, recurrent) in enumerate(layers):
                getattr(self.rnn, f"weight_ih_l{k}").copy_(torch.from_numpy(of_input))
                getattr(self.rnn, f"weight_hh_l{k}").copy_(torch.from_numpy(recurrent))
            self.dense.weight.copy_(torch.from_numpy(output))

    def forward(self, X, state):
        """Return logits, shape (num_steps * batch_size, vocab_size), and the state."""
        Y, state = self.rnn(functional.one_hot(X, self.vocab_size).float(), state)
        return self.dense(Y.flatten(0, 1)), state


def train(p, report):
    """Train; report each perplexity."""
    minibatches = [(torch.tensor(X), torch.tensor(y).flatten()) for X, y in p.minibatches()]
    model = Model(p)
    optimizer = torch.optim.SGD(model.parameters(), p.lr)
    while True:
        losses, state = [], None
        for X, y in minibatches:
            logits, state = model(X, state)
            state = [s.detach() for s in state]
            loss = functional.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), p.clipping_theta)
            optimizer.step()
            losses.append(loss.detach())
        report(math.exp(torch.stack(losses).mean().item()))


def predict(p, report):
    """Predict; report the string."""
    model = Model(p)
    prefix = torch.tensor([[[p.char_to_idx[char]]] for char in problem.PREFIX])
    while True:
        for _ in range(problem.PREDICTIONS):
            indices = predict_indices(model, prefix, problem.PREDICTED_CHARACTERS)
        report(problem.PREFIX + "".join(p.idx_to_char[i] for i in indices))


@torch.inference_mode()
def predict_indices(model, prefix, num_chars):
    """Return the num_chars most likely indices, each computed from the one before."""
    state, predicted = None, []
    for t in range(len(prefix) + num_chars - 1):
        logits, state = model(prefix[t] if t < len(prefix) else predicted[-1], state)
        if t >= len(prefix) - 1:
            predicted.append(logits.argmax(dim=1, keepdim=True))
    return torch.cat(predicted).flatten().tolist()
