"""The training problem that every implementation solves, and the numbers from which it starts."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

EXCERPT = Path(__file__).parents[1] / "d2l_helpers/time_machine.txt"  # the original notebook's 10,000 characters
PREFIX = "time traveller"
PREDICTIONS = 10  # one prediction takes too little time to be measured on its own
PREDICTED_CHARACTERS = 50


@dataclass
class Problem:
    """The original notebook's hyperparameters; a longer corpus repeats the excerpt."""

    num_characters: int = 10_000
    num_hiddens: int = 256
    num_layers: int = 2
    num_steps: int = 35
    batch_size: int = 32
    lr: float = 100.0
    clipping_theta: float = 0.01

    def __post_init__(self):
        text = EXCERPT.read_text(encoding="utf-8").replace("\n", " ").lower()
        self.idx_to_char = sorted(set(text))
        self.char_to_idx = {char: i for i, char in enumerate(self.idx_to_char)}
        self.vocab_size = len(self.idx_to_char)
        text = text * (self.num_characters // len(text) + 1)
        self.corpus_indices = [self.char_to_idx[char] for char in text[: self.num_characters]]

    def minibatches(self):
        """Return the (X, y) of one epoch, integer arrays of shape (num_steps, batch_size), in contiguous batching."""
        length = self.num_characters // self.batch_size
        rows = np.array(self.corpus_indices[: self.batch_size * length]).reshape(self.batch_size, length).T
        starts = range(0, (length - 1) // self.num_steps * self.num_steps, self.num_steps)
        return [(rows[i : i + self.num_steps], rows[i + 1 : i + 1 + self.num_steps]) for i in starts]

    def initial_weights(self):
        """Return (layers, output), float32 arrays with standard deviation 0.01; all biases start at zero.

        Returns:
            For each layer, the pair of its input weights, shape (4 * num_hiddens, inputs), and its recurrent
            weights, shape (4 * num_hiddens, num_hiddens), with the gates in the order input, forget, candidate,
            output; and the output layer's weights, shape (vocab_size, num_hiddens).
        """
        random = np.random.RandomState(1)  # the same numbers in all versions of NumPy
        h, shapes = self.num_hiddens, []
        for layer in range(self.num_layers):
            shapes += [(4 * h, h if layer else self.vocab_size), (4 * h, h)]
        *layers, output = (random.normal(0, 0.01, s).astype("float32") for s in [*shapes, (self.vocab_size, h)])
        return list(zip(layers[::2], layers[1::2], strict=True)), output
