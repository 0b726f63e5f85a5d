"""Helpers for a notebook on deep recurrent neural networks, as its course used them.

`import d2l_helpers as d2l`: the names are handed on here in the order in which a reader of
the notebook meets them.
"""

from d2l_helpers.engine import start as _start  # noqa: F401  (first: it imports MXNet)
from d2l_helpers.engine.devices import try_all_gpus, try_gpu
from d2l_helpers.time_machine import load_data_time_machine
from d2l_helpers.batches import data_iter_consecutive, data_iter_random, to_onehot
from d2l_helpers.model import RNNModel
from d2l_helpers.predict import predict_rnn, predict_rnn_gluon
from d2l_helpers.train import grad_clipping, sgd, train_and_predict_rnn, train_and_predict_rnn_gluon
from d2l_helpers.history import History
from d2l_helpers.checkpoint import load_checkpoint, save_checkpoint
from d2l_helpers.show import (
    show_gates,
    show_hidden_states,
    show_network,
    show_perplexity,
    show_runs,
    show_surprise,
)
from d2l_helpers.sweep import run_sweep

__all__ = [
    "try_gpu",
    "try_all_gpus",
    "load_data_time_machine",
    "data_iter_consecutive",
    "data_iter_random",
    "to_onehot",
    "RNNModel",
    "predict_rnn",
    "predict_rnn_gluon",
    "grad_clipping",
    "sgd",
    "train_and_predict_rnn",
    "train_and_predict_rnn_gluon",
    "History",
    "load_checkpoint",
    "save_checkpoint",
    "show_perplexity",
    "show_runs",
    "show_network",
    "show_hidden_states",
    "show_gates",
    "show_surprise",
    "run_sweep",
]
