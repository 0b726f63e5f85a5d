"""Vocabularies and corpora in every form in which users keep them, and the vocabulary of a model's weights."""

import re
import sys
import unicodedata
import weakref
from collections.abc import Mapping
from functools import cache

import numpy as np
from mxnet import nd

from d2l_helpers._internal.messages import short

UNKNOWN = "<unk>"
# Scripts without spaces between words: Thai, Lao, Myanmar, Khmer, Kana, and Chinese characters.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"

_vocabularies = weakref.WeakKeyDictionary()  # model -> tokens that its weights were trained on


def as_indices(corpus):
    """Return a corpus, a sequence of integers in any form, as a NumPy array of type int64.

    Raises:
        TypeError: The corpus is not a sequence of numbers.
        ValueError: A number is not an integer.
    """
    try:
        array = np.asarray(corpus.asnumpy() if isinstance(corpus, nd.NDArray) else corpus)
    except ValueError:  # a list of lists
        array = np.asarray(None)
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise TypeError(f"corpus_indices must be a sequence of integers, got {short(corpus)}; use load_data_text.")
    with np.errstate(invalid="ignore"):
        indices = array.astype(np.int64, copy=False)
    if array.dtype.kind != "i" and (wrong := array[indices != array]).size:
        raise ValueError(f"corpus_indices must be integers, got {wrong[0]}; use load_data_text.")
    return indices


def as_tokens(idx_to_char):
    """Return the tokens of a vocabulary in the order of their indices.

    Args:
        idx_to_char: List, tuple, string, or array of tokens, or dict from index to token.

    Raises:
        TypeError: It is none of these.
        ValueError: The indices in a dict are not 0, 1, 2, ...
    """
    is_dict = isinstance(idx_to_char, Mapping)
    try:
        tokens = map(idx_to_char.__getitem__, range(len(idx_to_char))) if is_dict else idx_to_char
        return [token.item() if isinstance(token, np.generic) else token for token in tokens]
    except KeyError as error:
        got, fix = short(idx_to_char), "do not pass char_to_idx here"
        raise ValueError(f"idx_to_char must have the keys 0 to {len(idx_to_char) - 1}, got {got}; {fix}.") from error
    except TypeError as error:
        raise TypeError(f"idx_to_char must be a list of tokens, got {short(idx_to_char)}; pass a list.") from error


def for_json(idx_to_char):
    """Return the tokens of a vocabulary as JSON can store them, as text unless they are strings or numbers."""
    return [token if isinstance(token, str | int | float) else repr(token) for token in as_tokens(idx_to_char)]


def split(prefix, char_to_idx):
    """Return a prefix as a list of tokens: a string is split as its vocabulary is, into characters or words.

    Tokens that the vocabulary lacks become "<unk>" if it has that token.
    """
    if isinstance(prefix, str) and not _are_characters(char_to_idx):
        prefix = words_in(prefix, spaces=" " in char_to_idx)
    return [UNKNOWN if UNKNOWN in char_to_idx and token not in char_to_idx else token for token in prefix]


def join(tokens, vocabulary):
    """Return tokens as a string, with spaces between them if the vocabulary consists of words."""
    separator = "" if " " in vocabulary or _are_characters(vocabulary) else " "
    return separator.join(map(str, tokens))


def words_in(text, spaces=False):
    """Return the words, punctuation marks, and line ends of a string, and on request the spaces between them."""
    marks = _marks()
    letters = f"(?:[^\\W{UNSPACED}]+[{marks}]*)+"
    words = f"{letters}(?:['\u2019]{letters})*"
    return re.findall(f"<\\w+>|{words}|\\S[{marks}]*|" + (r"\s" if spaces else r"\n"), text)


@cache
def _marks():
    # Python's \w lacks the vowel signs and accents of many scripts; two joiners act within words and emoji.
    marks = (c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c)[0] == "M")
    return "".join(marks) + "\u200c\u200d"


def _are_characters(vocabulary):
    """Return whether all tokens, except special ones such as "<unk>", are characters."""
    return all(isinstance(t, str) and (len(t) == 1 or re.fullmatch(r"<\w+>", t)) for t in vocabulary)


def remember_vocabulary(model, tokens):
    """Note which tokens the weights of a model belong to."""
    _vocabularies[model] = for_json(tokens)


def check_same_vocabulary(model, tokens):
    """Raise ValueError if the weights of a model belong to another vocabulary, or to the same one in another order."""
    own = _vocabularies.get(model)
    if own is not None and own != (tokens := for_json(tokens)):
        differs = "the same tokens in another order" if set(own) == set(tokens) else f"other tokens, {short(tokens)}"
        fix = "load the text with load_data_text(..., vocabulary=...), or use a new model"
        raise ValueError(f"idx_to_char must be the vocabulary of the model's weights, got {differs}; {fix}.")
