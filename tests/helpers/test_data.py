"""The excerpt in the package, and the whole novel from a local server."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import d2l_helpers as d2l
from d2l_helpers._internal import text_files as module

FIRST_10000_SHA256 = "a825e700ad7753c931b4766105c6a33c472a81f78de7f6bc73dfe2cebf4821dc"


# The excerpt


def test_first_10000_characters_are_those_of_the_original():
    corpus_indices, _, idx_to_char, _ = d2l.load_data_time_machine()
    text = "".join(idx_to_char[i] for i in corpus_indices)
    assert hashlib.sha256(text.encode()).hexdigest() == FIRST_10000_SHA256


def test_the_original_notebook_trains_on_10000_characters_43_of_them_different(time_machine):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = time_machine
    assert len(corpus_indices) == 10_000
    assert vocab_size == len(idx_to_char) == len(char_to_idx) == 43


def test_result_has_the_types_of_the_original(time_machine):
    assert isinstance(time_machine, tuple)
    corpus_indices, char_to_idx, idx_to_char, vocab_size = time_machine
    assert [type(part) for part in time_machine] == [list, dict, list, int]
    assert {type(i) for i in corpus_indices} == {int}
    assert set(corpus_indices) == set(range(vocab_size))
    assert all(isinstance(char, str) and len(char) == 1 for char in idx_to_char)


def test_vocabulary_is_sorted_and_its_two_directions_agree(time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    assert idx_to_char == sorted(idx_to_char)
    assert [char_to_idx[char] for char in idx_to_char] == list(range(vocab_size))


def test_indices_read_back_are_the_lower_case_text_on_one_line(time_machine):
    corpus_indices, _, idx_to_char, _ = time_machine
    text = "".join(idx_to_char[i] for i in corpus_indices)
    assert text.startswith("the time machine, by h. g. wells [1898]     i   the time traveller (for so it will be ")
    assert text == text.lower()
    assert "\n" not in text


@pytest.mark.parametrize("num_examples", [1, 100, 9_999, np.int64(100)])
def test_smaller_num_examples_is_the_start_of_the_text_with_its_own_vocabulary(time_machine, num_examples):
    whole, _, whole_idx_to_char, _ = time_machine
    corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_time_machine(num_examples)
    assert len(corpus_indices) == num_examples
    assert [idx_to_char[i] for i in corpus_indices] == [whole_idx_to_char[i] for i in whole[:num_examples]]
    assert vocab_size == len(idx_to_char) == len(char_to_idx) == len(set(corpus_indices))


def test_vocabulary_is_the_same_in_every_process(time_machine, run_python):
    code = "import d2l_helpers as d2l; print(d2l.load_data_time_machine()[2])"
    runs = [run_python(code, PYTHONHASHSEED=seed) for seed in ("0", "1")]
    assert [run.returncode for run in runs] == [0, 0]
    assert {run.stdout for run in runs} == {f"{time_machine[2]}\n"}


# The whole novel

NOVEL = ("The Time Traveller--'Upon my word!'\n\n" * 8_000)[:178_979].encode()
WRONG_NOVEL = NOVEL[:-1] + b"?"


class Server:
    """A local HTTP server with a configurable answer, which records the requests."""

    def __init__(self, cached_file):
        server = self
        self.status, self.body, self.content_length = 200, NOVEL, len(NOVEL)
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.requested = []
        self.cached_file_was_there_half_way = None

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802 (the name that http.server calls)
                server.requested.append(self.path)
                server.may_answer.wait()
                self.send_response(server.status)
                if server.content_length is not None:
                    self.send_header("Content-Length", str(server.content_length))
                self.end_headers()
                half = len(server.body) // 2
                self.wfile.write(server.body[:half])
                self.wfile.flush()
                server.cached_file_was_there_half_way = cached_file.exists()
                self.wfile.write(server.body[half:])

            def log_message(self, *args):
                pass

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        self._httpd.handle_error = lambda *args: None  # clients may give up
        self.url = f"http://127.0.0.1:{self._httpd.server_port}/"
        threading.Thread(target=self._httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self._running = True

    def stop(self):
        self.may_answer.set()
        if self._running:
            self._httpd.shutdown()
            self._httpd.server_close()
            self._running = False


@pytest.fixture
def cached_file(tmp_path, monkeypatch):
    """Return the path of the novel in a temporary cache."""
    folder = tmp_path / "cache" / "d2l_helpers"
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    return folder / "timemachine.txt"


@pytest.fixture
def server(cached_file, monkeypatch):
    server = Server(cached_file)
    monkeypatch.setattr(module, "URL", f"{server.url}timemachine.txt")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "NOVEL_SHA256", hashlib.sha256(NOVEL).hexdigest())
    yield server
    server.stop()


def read_novel(num_examples=None):
    corpus_indices, _, idx_to_char, _ = d2l.load_data_time_machine(num_examples)
    return "".join(idx_to_char[i] for i in corpus_indices)


def expected_text(num_examples=None):
    return NOVEL.decode().lower().replace("\n", " ")[:num_examples]


def assert_fails_clearly(server, cached_file, is_one_sentence):
    with pytest.raises(OSError) as caught:
        d2l.load_data_time_machine(None)
    message = str(caught.value)
    assert is_one_sentence(message)
    assert f"{server.url}timemachine.txt" in message
    assert "connect to the network and try again" in message
    assert [file for file in cached_file.parent.glob("*") if file != cached_file] == []


def test_the_novel_is_the_file_that_d2l_publishes():
    from d2l.mxnet import DATA_URL

    assert f"{DATA_URL}timemachine.txt" == module.URL
    assert module.NOVEL_SHA256 == "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516"


@pytest.mark.parametrize("num_examples", [None, 20_000])
def test_more_than_the_excerpt_is_fetched_from_the_data_host(server, num_examples):
    assert read_novel(num_examples) == expected_text(num_examples)
    assert server.requested == ["/timemachine.txt"]


def test_the_excerpt_needs_no_server(server):
    d2l.load_data_time_machine(10_000)
    assert server.requested == []


def test_the_novel_is_downloaded_once_and_then_read_offline(server, cached_file):
    first = read_novel()
    again = read_novel()
    server.stop()
    offline = read_novel()
    assert first == again == offline == expected_text()
    assert len(server.requested) == 1
    assert list(cached_file.parent.glob("*")) == [cached_file]
    assert cached_file.read_bytes() == NOVEL


def test_the_novel_appears_in_the_cache_only_when_it_is_complete(server, cached_file):
    read_novel()
    assert server.cached_file_was_there_half_way is False
    assert cached_file.exists()


def test_more_characters_than_the_novel_has_is_an_error_that_names_their_number(server, is_one_sentence):
    with pytest.raises(ValueError) as caught:
        d2l.load_data_time_machine(len(NOVEL) + 1)
    assert is_one_sentence(str(caught.value))
    assert "num_examples" in str(caught.value)
    assert str(len(NOVEL)) in str(caught.value)
    assert str(len(NOVEL) + 1) in str(caught.value)


def test_wrong_bytes_of_the_right_size_are_rejected(server, cached_file, is_one_sentence):
    server.body = WRONG_NOVEL
    assert_fails_clearly(server, cached_file, is_one_sentence)


def test_a_truncated_download_is_rejected(server, cached_file, is_one_sentence):
    server.body = NOVEL[: len(NOVEL) // 3]
    assert_fails_clearly(server, cached_file, is_one_sentence)


@pytest.mark.parametrize("says_its_length", [True, False])
@pytest.mark.parametrize("body", [b"", NOVEL[: len(NOVEL) // 3], NOVEL[:-1], NOVEL + b"!"], ids=len)
def test_a_download_of_another_size_is_rejected(server, cached_file, is_one_sentence, body, says_its_length):
    server.body, server.content_length = body, len(body) if says_its_length else None
    assert_fails_clearly(server, cached_file, is_one_sentence)
    assert not cached_file.exists()


@pytest.mark.parametrize("status", [403, 404, 500])
def test_an_http_error_raises_even_if_its_page_is_the_novel(server, cached_file, is_one_sentence, status):
    server.status = status
    assert_fails_clearly(server, cached_file, is_one_sentence)


def test_a_missing_server_raises(server, cached_file, is_one_sentence):
    server.stop()
    assert_fails_clearly(server, cached_file, is_one_sentence)


def test_a_server_that_does_not_answer_raises(server, cached_file, is_one_sentence, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.1)
    server.may_answer.clear()
    assert_fails_clearly(server, cached_file, is_one_sentence)


def test_the_download_succeeds_after_a_failure(server, cached_file, is_one_sentence):
    server.body = WRONG_NOVEL
    assert_fails_clearly(server, cached_file, is_one_sentence)
    server.body = NOVEL
    assert read_novel() == expected_text()


@pytest.mark.parametrize("bad", [NOVEL[:5_000], WRONG_NOVEL, b""])
def test_a_bad_file_in_the_cache_is_replaced(server, cached_file, bad):
    cached_file.parent.mkdir(parents=True)
    cached_file.write_bytes(bad)
    assert read_novel() == expected_text()
    assert cached_file.read_bytes() == NOVEL
    assert list(cached_file.parent.glob("*")) == [cached_file]


@pytest.mark.parametrize("bad", [NOVEL[:5_000], WRONG_NOVEL, b""])
def test_a_bad_file_in_the_cache_is_never_read(server, cached_file, is_one_sentence, bad):
    cached_file.parent.mkdir(parents=True)
    cached_file.write_bytes(bad)
    server.stop()
    for _ in range(2):
        assert_fails_clearly(server, cached_file, is_one_sentence)


def test_a_cache_that_cannot_be_written_is_an_os_error(server, cached_file):
    cached_file.parent.parent.write_text("a file where the cache folder should be")
    with pytest.raises(OSError, match=r"^Could not download the novel from .*Not a directory"):
        d2l.load_data_time_machine(None)


@pytest.mark.parametrize("num_examples", [0, -1, 1.5, True, "10", float("nan"), float("inf")])
def test_a_bad_num_examples_is_named(num_examples, is_one_sentence):
    with pytest.raises(ValueError) as caught:
        d2l.load_data_time_machine(num_examples)
    assert is_one_sentence(str(caught.value))
    assert f"num_examples must be a positive integer, got {num_examples!r};" in str(caught.value)
