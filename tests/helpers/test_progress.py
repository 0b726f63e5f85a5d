"""While it trains one sees a bar, and in a notebook a curve; afterwards there is no trace of them."""

import os
import pty
import re
import subprocess
import sys
import termios
import textwrap
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
TRAINING = textwrap.dedent("""
    import d2l_helpers as d2l
    import mxnet as mx
    from mxnet.gluon import rnn
    from d2l_helpers._internal import progress

    progress.SECONDS_BETWEEN_UPDATES = 0  # on a fast machine the training ends before it has lasted any longer
    corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_time_machine(500)
    model = d2l.RNNModel(rnn.LSTM(16), vocab_size)
    history = d2l.train_and_predict_rnn_gluon(
        model, 16, vocab_size, mx.cpu(), corpus_indices, idx_to_char, char_to_idx,
        30, 10, 1, 0.01, 8, 15, 5, ['time'],
    )
""")
REPORTS = re.compile(r"epoch 15, perplexity \S+, time \S+ sec\n - time.{5}\nepoch 30, .*\n - time.{5}\n")
BAR = re.compile(r"\d+/30 \[\d+:\d+<\d+:\d+, +\S+(epoch/s|s/epoch), perplexity \d+\.\d+\]")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """These networks are too small for a second thread to be of use."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def read_everything(descriptor):
    text = b""
    while True:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # the other side has closed the terminal
            piece = b""
        if not piece:
            return text.decode()
        text += piece


def terminal():
    """The two ends of a new terminal of 120 columns."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    return ours, theirs


def test_a_terminal_shows_epochs_perplexity_and_remaining_time():
    ours, theirs = terminal()
    process = subprocess.Popen([sys.executable, "-c", TRAINING], cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    bars = read_everything(ours)
    assert REPORTS.fullmatch(process.communicate()[0].decode())
    assert BAR.search(bars)
    assert bars.endswith("\r")


def test_a_terminal_shows_how_many_runs_of_a_sweep_are_done(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        import d2l_helpers as d2l
        from d2l_helpers._internal import progress

        def same(seed):
            return seed

        progress.SECONDS_BETWEEN_UPDATES = 0
        print(d2l.run_sweep(same, [{"seed": 0}, {"seed": 1}, {"seed": 2}], "results"))
    """)
    )
    ours, theirs = terminal()
    process = subprocess.Popen([sys.executable, program], cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    bars = read_everything(ours)
    assert process.communicate()[0].decode() == "[0, 1, 2]\n"
    assert "0/3 [" in bars and "2/3 [" in bars  # noqa: PT018
    assert bars.endswith("\r")


def test_where_nobody_looks_there_is_no_bar():
    process = subprocess.run([sys.executable, "-c", TRAINING], cwd=ROOT, capture_output=True, text=True)
    assert REPORTS.fullmatch(process.stdout)
    assert "perplexity" not in process.stderr


@pytest.fixture
def notebook():
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(TRAINING + "history")])


def assert_reports_and_curve_only(cell):
    *streams, result = cell.outputs
    assert REPORTS.fullmatch("".join(stream.text for stream in streams))
    assert set(result.data) == {"image/png", "text/plain"}


def test_an_executed_notebook_holds_the_reports_and_the_curve_only(notebook):
    NotebookClient(notebook, startup_timeout=1800, resources={"metadata": {"path": str(ROOT)}}).execute()
    assert_reports_and_curve_only(notebook.cells[0])


def test_somebody_at_the_notebook_sees_a_bar_that_vanishes():
    manager, client = start_new_kernel(startup_timeout=1800, cwd=ROOT)
    messages = []
    try:
        reply = client.execute_interactive(TRAINING, allow_stdin=True, output_hook=messages.append, timeout=1800)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert reply["content"]["status"] == "ok"
    shown = [m["content"]["data"] for m in messages if m["msg_type"] == "display_data"]
    updates = [m["content"]["data"] for m in messages if m["msg_type"] == "update_display_data"]
    assert len(shown) == 1
    assert any("30 [" in update.get("text/html", "") for update in updates)
    assert updates[-1] == {}
    printed = "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")
    assert REPORTS.fullmatch(printed)


def test_the_curve_grows_while_it_trains(monkeypatch):
    from d2l_helpers._internal.progress import NotebookPage
    from d2l_helpers.history import History

    history = History()
    history.append(20.0, 1.0)
    updates = []
    monkeypatch.setattr("IPython.display.display", lambda *args, **kwargs: Handle(updates))
    page = NotebookPage(history)
    page.write("\r 1/30 <b>")
    assert "img" not in updates[-1]["text/html"] and "&lt;b&gt;" in updates[-1]["text/html"]  # noqa: PT018
    page.last_drawn -= 3600
    page.write("\r 2/30")
    assert 'alt="The perplexity so far"' in updates[-1]["text/html"]
    page.close()
    assert updates[-1] == {}


def test_a_bar_that_stands_still_says_so_after_two_minutes(monkeypatch):
    from d2l_helpers._internal.progress import NotebookPage

    updates = []
    monkeypatch.setattr("IPython.display.display", lambda *args, **kwargs: Handle(updates))
    page = NotebookPage(None)
    page.write("\r 1/30")
    note = re.search(r"<div style=.visibility: hidden; .* 120s forwards;.>\s*([^<]*)", updates[-1]["text/html"])
    assert "No news for two minutes" in note[1]
    page.close()
    assert updates[-1] == {}


class Handle:
    def __init__(self, updates):
        self.updates = updates

    def update(self, data, raw):
        self.updates.append(data)
