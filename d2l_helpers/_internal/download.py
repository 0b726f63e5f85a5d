"""The whole book, of which the package ships the opening: downloaded once, and verified."""

from pathlib import Path

# As D2L publishes it.
URL = "http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt"
BOOK_BYTES = 178_979
BOOK_SHA256 = "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516"
SECONDS_TO_ANSWER = 30  # how long the data host may stay silent


def whole_book():
    """The whole book as text, from the user's cache or, the first time, from d2l's data host.

    Raises OSError where it cannot be had.
    """
    import pooch

    folder = pooch.os_cache("d2l_helpers")
    cached = folder / "timemachine.txt"
    try:
        if cached.exists() and pooch.file_hash(cached) != BOOK_SHA256:
            cached.unlink()  # half-written or changed: it must not stay, whatever the download brings
        pooch.retrieve(URL, BOOK_SHA256, cached.name, folder, downloader=_download_exactly)
    except (OSError, ValueError) as error:
        raise OSError(
            f"The whole book could not be had from {URL} ({error}): connect to the network and try again, "
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
