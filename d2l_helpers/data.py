"""The data: texts as lists of indices, with their vocabularies."""

import os
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path

from d2l_helpers._internal.messages import check_type, short
from d2l_helpers._internal.text_files import download_novel, read_text
from d2l_helpers._internal.validation import check_call, check_size
from d2l_helpers._internal.vocabulary import UNKNOWN, as_tokens, words_in

EXCERPT = Path(__file__).with_name("time_machine.txt")  # the first 10,000 characters
LYRICS = "jaychou_lyrics.txt"  # under copyright: each user needs a copy


@check_call
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
    check_size(or_none=True, num_examples=num_examples)
    text = EXCERPT.read_text(encoding="utf-8")
    if num_examples is None or num_examples > len(text):
        text = download_novel()
    corpus_chars = text.replace("\n", " ").replace("\r", " ").lower()[:num_examples]
    if num_examples is not None and num_examples > len(corpus_chars):
        length = f"{len(corpus_chars)}, the length of the novel"
        raise ValueError(f"num_examples must be at most {length}, got {num_examples}; use None for all of it.")
    return _indexed(corpus_chars)


def load_data_text(
    path=None, num_examples=None, *, text=None, encoding=None, words=False, lowercase=True, keep_newlines=False,
    min_count=1, vocabulary=None,
):  # fmt: skip
    """Load a text of your own, from a file or a string, as characters or as words.

    Unicode's composition (NFC) makes the two ways to write a letter with an accent the same.

    Args:
        path: The text file.
        num_examples: Maximum number of tokens, or None for all.
        text: The text itself, a string, instead of a file.
        encoding: Encoding of the file, for example "gb18030". None detects UTF-8, UTF-16, and, if there are enough
            letters that are not ASCII, GB18030, Latin-1, and others.
        words: True for words and punctuation marks as tokens instead of characters. In scripts without spaces between
            words, such as Chinese, each character is a word.
        lowercase: False keeps capital letters.
        keep_newlines: True keeps line ends, as tokens, instead of replacing each by a space.
        min_count: Tokens that occur less often become the token "<unk>".
        vocabulary: The idx_to_char of another text, to index this one in the same way. Unknown tokens become "<unk>"
            if the vocabulary has this token.

    Returns:
        A tuple (corpus_indices, char_to_idx, idx_to_char, vocab_size), see `load_data_time_machine`.

    Raises:
        ValueError: An argument is invalid, the encoding is uncertain, the text is empty, or the vocabulary lacks a
            token.
        TypeError: path, text, or vocabulary has the wrong type.
        OSError: The file is missing or cannot be read.
    """
    check_size(min_count=min_count)
    check_size(or_none=True, num_examples=num_examples)
    if (path is None) == (text is None):
        got = "neither" if path is None else "both"
        raise ValueError(f"path and text must be one file or one string, got {got}; pass exactly one of them.")
    known = None if vocabulary is None else as_tokens(vocabulary)
    if path is None:
        check_type("text", text, str, "a string", "pass a file as path")
    else:
        text = read_text(path, encoding)
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text if keep_newlines else text.replace("\n", " ")
    text = text.lower() if lowercase else text
    tokens = words_in(text) if words else text
    if len(tokens) < 2:
        name, got = ("text", short(text)) if path is None else ("path", short(Path(path)))
        raise ValueError(f"{name} must contain at least two tokens, got {len(tokens)} in {got}; use a longer text.")
    tokens = tokens[:num_examples]
    if min_count > 1:
        counts = Counter(tokens)
        tokens = [token if counts[token] >= min_count else UNKNOWN for token in tokens]
        known = known or sorted({*tokens, UNKNOWN})
    return _indexed(tokens, known)


def load_data_jay_lyrics(path=None):
    """Load the first 10,000 characters of Jay Chou's lyrics, the text in the Chinese edition of D2L.

    The lyrics are under copyright, so the package does not contain them.

    Args:
        path: Your copy of jaychou_lyrics.txt.zip; None means ../data/jaychou_lyrics.txt.zip, or the same file in data/.

    Returns:
        A tuple (corpus_indices, char_to_idx, idx_to_char, vocab_size), see `load_data_time_machine`.

    Raises:
        FileNotFoundError: The file is missing.
        ValueError: The file is not a zip file with jaychou_lyrics.txt in UTF-8.

    Source: *Dive into Deep Learning*, Chinese edition of 2019, section on language model data sets.
    """
    places = [Path(folder, f"{LYRICS}.zip") for folder in ("../data", "data")]
    path = Path(path or next(filter(os.path.isfile, places), places[0]))
    try:
        with zipfile.ZipFile(path) as archive:
            text = archive.read(LYRICS).decode("utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        problem = f"path must be your copy of {LYRICS}.zip, got no file; put it at {short(path)}."
        raise FileNotFoundError(problem) from error
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        problem = f"got {short(path)} ({short(error)})"
        raise ValueError(f"path must be a zip file with {LYRICS} in UTF-8, {problem}; download it again.") from error
    return _indexed(text.replace("\n", " ").replace("\r", " ")[:10000])


def _indexed(tokens, vocabulary=None):
    """Return (corpus_indices, char_to_idx, idx_to_char, vocab_size) of a sequence of tokens."""
    idx_to_char = sorted(set(tokens)) if vocabulary is None else vocabulary
    char_to_idx = {char: i for i, char in enumerate(idx_to_char)}
    if unknown := set(tokens) - char_to_idx.keys():
        if UNKNOWN not in char_to_idx:
            got, fix = short(sorted(unknown)), 'prepare both texts in the same way, or use a vocabulary with "<unk>"'
            raise ValueError(f"vocabulary must contain every token of the text, got a text with {got}; {fix}.")
        tokens = [UNKNOWN if token in unknown else token for token in tokens]
    return list(map(char_to_idx.__getitem__, tokens)), char_to_idx, idx_to_char, len(idx_to_char)
