"""The text: the opening of H. G. Wells, *The Time Machine* (1895), as a list of numbers."""

from pathlib import Path

from d2l_helpers._internal.download import whole_book
from d2l_helpers._internal.validation import check_size

EXCERPT = Path(__file__).with_name("time_machine.txt")  # the first 10,000 characters


def load_data_time_machine(num_examples=10000):
    """The first characters of the book, in lower case, with line ends turned into spaces.

    num_examples: how many characters, at least 1; None for the whole book. The package ships
        the opening; more than that is downloaded once and kept in the user's cache folder.

    Returns (corpus_indices, char_to_idx, idx_to_char, vocab_size): a list of num_examples whole
    numbers from 0 to vocab_size - 1; a dict from character to number; the list of the
    different characters, sorted, so that a character has the same number in every process;
    and their count.

    Raises ValueError for a bad num_examples, and OSError where the whole book is needed and
    cannot be had.

    Source: the document's first cell.
    """
    if num_examples is not None:
        check_size(num_examples=num_examples)
    text = EXCERPT.read_text(encoding="utf-8")
    if num_examples is None or num_examples > len(text):
        text = whole_book()
    corpus_chars = text.replace("\n", " ").replace("\r", " ").lower()[:num_examples]
    if num_examples is not None and num_examples > len(corpus_chars):
        raise ValueError(
            f"num_examples must be at most {len(corpus_chars)}, the length of the whole book, "
            f"not {num_examples}: give None for all of it."
        )
    idx_to_char = sorted(set(corpus_chars))
    char_to_idx = {char: i for i, char in enumerate(idx_to_char)}
    corpus_indices = [char_to_idx[char] for char in corpus_chars]
    return corpus_indices, char_to_idx, idx_to_char, len(idx_to_char)
