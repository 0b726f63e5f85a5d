"""Not a competitor in training: how long PyTorch takes to write what run_prediction writes, one step at a time."""

import torch
from predicted import NUM_CHARACTERS, PREFIX_LENGTH
from run_pytorch import Model


def train(
    corpus_indices, vocab_size, num_hiddens, num_layers, num_steps, batch_size, lr, clipping_theta, weights, report
):
    """Without end; see run_d2l_helpers.train. Nothing is learned, so there is no perplexity."""
    model = Model(vocab_size, num_hiddens, num_layers)
    model.start_from(weights)
    prefix = corpus_indices[:PREFIX_LENGTH]

    @torch.inference_mode()
    def predict():
        state, written = None, []  # zeros
        for t in range(PREFIX_LENGTH + NUM_CHARACTERS - 1):
            X = torch.tensor([[prefix[t]]]) if t < PREFIX_LENGTH else written[-1]
            output, state = model(X, state)
            if t >= PREFIX_LENGTH - 1:
                written.append(output.argmax(dim=1, keepdim=True))
        return torch.cat(written).flatten().tolist()

    while True:
        predict()
        report(None)
