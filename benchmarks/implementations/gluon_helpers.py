"""What the Gluon implementations share."""

import contextlib
import re

from mxnet import nd


def set_weights(model, weights):
    """Set the weights of an initialized model with an LSTM in `rnn` and an output layer in `dense`."""
    layers, output = weights
    for k, (of_input, recurrent) in enumerate(layers):
        getattr(model.rnn, f"l{k}_i2h_weight").set_data(nd.array(of_input))
        getattr(model.rnn, f"l{k}_h2h_weight").set_data(nd.array(recurrent))
    model.dense.weight.set_data(nd.array(output))


@contextlib.contextmanager
def printed_reports(report):
    """Call `report(perplexity)` for each line "epoch 1, perplexity 16.2, ..." printed inside the `with` statement.

    Both generations of the helpers train in one call, and this pauses them after each epoch.
    """

    class Listener:
        def write(self, text):
            if found := re.search(r"perplexity ([\d.]+|inf|nan)", text):
                nd.waitall()  # the last update belongs to the epoch
                report(float(found[1]))

        def flush(self):
            pass

    with contextlib.redirect_stdout(Listener()):
        yield
