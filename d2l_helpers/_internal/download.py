"""The whole novel, downloaded once into the user's cache; the package contains only an excerpt."""

from pathlib import Path

from d2l_helpers._internal.messages import shorten

URL = "http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt"  # D2L's data server
NOVEL_SHA256 = "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516"
TIMEOUT = 30  # seconds without an answer


def download_novel():
    """Return the whole novel as a string, from the cache or, the first time, from D2L's data server.

    Raises:
        OSError: The download failed, or its checksum is wrong.
    """
    import pooch

    downloader = pooch.HTTPDownloader(timeout=TIMEOUT)
    try:
        path = pooch.retrieve(
            URL, NOVEL_SHA256, "timemachine.txt", pooch.os_cache("d2l_helpers"), downloader=downloader
        )
    except (OSError, ValueError) as error:
        reason, fix = (
            shorten(str(error).partition(". ")[0]),
            "connect to the network and try again, or use num_examples=10000",
        )
        raise OSError(f"Could not download the novel from {URL} ({reason}); {fix}.") from error
    return Path(path).read_text(encoding="utf-8")
