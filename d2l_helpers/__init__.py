"""Helpers for deep recurrent neural networks on MXNet Gluon, with the names of UC Berkeley's STAT 157 (2019).

Use it as `import d2l_helpers as d2l`.
"""

from d2l_helpers._internal import import_mxnet as _import_mxnet  # noqa: F401  (it must be the first import)
from d2l_helpers._internal.devices import try_all_gpus, try_gpu
from d2l_helpers.data import load_data_jay_lyrics, load_data_text, load_data_time_machine
from d2l_helpers.minibatches import data_iter_consecutive, data_iter_random, to_onehot
from d2l_helpers.model import RNNModel
from d2l_helpers.prediction import evaluate, predict_rnn, predict_rnn_gluon
from d2l_helpers.training import grad_clipping, sgd, Training, train_and_predict_rnn, train_and_predict_rnn_gluon
from d2l_helpers.history import History, load_checkpoint
from d2l_helpers._internal.checkpoint import save_checkpoint
from d2l_helpers.weights import PRETRAINED, load_model, load_pretrained, save_weights
from d2l_helpers.plotting import show_perplexity, show_runs, show_network
from d2l_helpers.plotting import show_hidden_states, show_gates, show_surprisal
from d2l_helpers._internal.sweep import run_sweep

__all__ = [
    "try_gpu", "try_all_gpus", "load_data_time_machine", "load_data_text", "load_data_jay_lyrics",
    "data_iter_consecutive", "data_iter_random", "to_onehot", "RNNModel", "predict_rnn", "predict_rnn_gluon",
    "evaluate", "grad_clipping", "sgd", "Training", "train_and_predict_rnn", "train_and_predict_rnn_gluon", "History",
    "load_checkpoint", "save_checkpoint", "PRETRAINED", "load_pretrained", "load_model", "save_weights",
    "show_perplexity", "show_runs", "show_network", "show_hidden_states", "show_gates", "show_surprisal", "run_sweep",
]  # fmt: skip
