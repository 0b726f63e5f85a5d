"""What tells one training from another."""

import hashlib

import numpy as np

from d2l_helpers._internal import gluon_internals


def identity_of(training):
    """Name -> what is being trained by a Training, in a form that JSON can hold; a checkpoint belongs to one of these.

    The number of epochs is not in it, so that a run can be made longer, nor are the first weights,
    which the file replaces.
    """
    corpus_indices, _, idx_to_char, _ = training.text
    return {
        "vocabulary": "".join(idx_to_char),
        "corpus": hashlib.sha256(np.asarray(corpus_indices, dtype=np.int64).tobytes()).hexdigest()[:12],
        "num_steps": int(training.num_steps),
        "lr": float(training.lr),
        "clipping_theta": None if training.clipping_theta is None else float(training.clipping_theta),
        "batch_size": int(training.batch_size),
        "pred_period": int(training.pred_period),
        "pred_len": int(training.pred_len),
        "prefixes": list(training.prefixes),
        "is_random_iter": bool(training.is_random_iter),
        **gluon_internals.facts(training.model),
    }
