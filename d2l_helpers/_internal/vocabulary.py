"""Stub until branch r-text is merged."""

import numpy as np


def as_indices(corpus):
    return np.asarray(corpus, dtype=np.int64)


def as_tokens(idx_to_char):
    return list(idx_to_char)


def split(prefix, char_to_idx):
    return list(prefix)


def join(tokens, vocabulary):
    return "".join(tokens)
