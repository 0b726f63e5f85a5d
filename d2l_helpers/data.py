"""The data: H. G. Wells, *The Time Machine* (1895), as a list of character indices."""

from pathlib import Path

from d2l_helpers._internal.download import download_novel
from d2l_helpers._internal.validation import check_size

EXCERPT = Path(__file__).with_name("time_machine.txt")  # the first 10,000 characters


def load_data_time_machine(num_examples=10000):
    """Load the first characters of the novel, in lower case and with spaces instead of line ends.

    Args:
        num_examples: Number of characters, at least 1, or None for the whole novel. More than the 10,000 characters
            in the package are downloaded once into the user's cache.

    Returns:
        A tuple (corpus_indices, char_to_idx, idx_to_char, vocab_size): a list of num_examples integers from 0 to
        vocab_size - 1; a dict from character to index; the sorted list of the different characters; and their number.

    Raises:
        ValueError: num_examples is invalid.
        OSError: The novel cannot be downloaded.

    Source: the original notebook's first cell.
    """
    if num_examples is not None:
        check_size(num_examples=num_examples)
    text = EXCERPT.read_text(encoding="utf-8")
    if num_examples is None or num_examples > len(text):
        text = download_novel()
    corpus_chars = text.replace("\n", " ").replace("\r", " ").lower()[:num_examples]
    if num_examples is not None and num_examples > len(corpus_chars):
        length = f"{len(corpus_chars)}, the length of the novel"
        raise ValueError(f"num_examples must be at most {length}, got {num_examples}; use None for all of it.")
    idx_to_char = sorted(set(corpus_chars))
    char_to_idx = {char: i for i, char in enumerate(idx_to_char)}
    corpus_indices = [char_to_idx[char] for char in corpus_chars]
    return corpus_indices, char_to_idx, idx_to_char, len(idx_to_char)
