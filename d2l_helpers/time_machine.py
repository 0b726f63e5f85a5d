"""The text: the opening of H. G. Wells, *The Time Machine* (1895), as a list of numbers."""

from pathlib import Path

from d2l_helpers.check import check_size

# The whole book, as d2l publishes it.
BOOK_BYTES = 178_979
BOOK_SHA256 = "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516"
SECONDS_TO_ANSWER = 30  # how long the data host may stay silent


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
    text = _excerpt()
    if num_examples is None or num_examples > len(text):
        text = _whole_book()
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


def _excerpt():
    return Path(__file__).with_name("time_machine.txt").read_text(encoding="utf-8")


def _whole_book():
    """The whole book as text, from the user's cache or, the first time, from d2l's data host."""
    import pooch
    from d2l.mxnet import DATA_URL  # costs seconds, so only here

    url = DATA_URL + "timemachine.txt"
    folder = pooch.os_cache("d2l_helpers")
    cached = folder / "timemachine.txt"
    try:
        if cached.exists() and pooch.file_hash(cached) != BOOK_SHA256:
            cached.unlink()  # half-written or changed: it must not stay, whatever the download brings
        pooch.retrieve(url, BOOK_SHA256, cached.name, folder, downloader=_download_exactly)
    except (OSError, ValueError) as error:
        raise OSError(
            f"The whole book could not be had from {url} ({error}): connect to the network and try again, "
            "or ask for at most the 10,000 characters that come with the package."
        ) from error
    return cached.read_text(encoding="utf-8")


def _download_exactly(url, output_file, pooch_instance):
    """Pooch's downloader into a temporary file, and its bytes checked; Pooch then moves or removes it."""
    from pooch import HTTPDownloader, file_hash

    HTTPDownloader(timeout=SECONDS_TO_ANSWER)(url, output_file, pooch_instance)
    received = Path(output_file).stat().st_size
    if received != BOOK_BYTES:
        raise ValueError(f"{received} bytes came instead of {BOOK_BYTES}")
    digest = file_hash(output_file)
    if digest != BOOK_SHA256:
        raise ValueError(f"the bytes that came have the SHA-256 {digest} instead of {BOOK_SHA256}")
