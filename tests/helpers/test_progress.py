"""Training shows a bar, and in a notebook a curve, which leave no trace in outputs and files."""

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

    progress.SECONDS_BETWEEN_UPDATES = 0  # on a fast machine, the training takes less than the usual interval
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
    """Use one thread, which is fastest for small networks."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def read_everything(descriptor):
    text = b""
    while True:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # the process has closed the terminal
            piece = b""
        if not piece:
            return text.decode()
        text += piece


def open_terminal():
    """Return the controlling end and the process's end of a new terminal with 120 columns."""
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 120))
    return controller, terminal


def test_a_terminal_shows_epochs_perplexity_and_remaining_time():
    controller, process_end = open_terminal()
    process = subprocess.Popen([sys.executable, "-c", TRAINING], cwd=ROOT, stdout=subprocess.PIPE, stderr=process_end)
    os.close(process_end)
    bars = read_everything(controller)
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
    controller, process_end = open_terminal()
    process = subprocess.Popen([sys.executable, program], cwd=tmp_path, stdout=subprocess.PIPE, stderr=process_end)
    os.close(process_end)
    bars = read_everything(controller)
    assert process.communicate()[0].decode() == "[0, 1, 2]\n"
    assert "0/3 [" in bars and "2/3 [" in bars  # noqa: PT018
    assert bars.endswith("\r")


def test_without_a_terminal_there_is_no_bar():
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


def test_an_executed_notebook_contains_only_the_reports_and_the_curve(notebook):
    NotebookClient(notebook, startup_timeout=1800, resources={"metadata": {"path": str(ROOT)}}).execute()
    assert_reports_and_curve_only(notebook.cells[0])


def test_an_executed_notebook_shows_the_bar_in_the_terminal_that_the_environment_names(notebook):
    controller, process_end = open_terminal()
    client = NotebookClient(notebook, startup_timeout=1800, resources={"metadata": {"path": str(ROOT)}})
    client.execute(env={**os.environ, "D2L_PROGRESS_TTY": os.ttyname(process_end)})
    os.close(process_end)
    assert BAR.search(read_everything(controller))
    assert_reports_and_curve_only(notebook.cells[0])


def test_a_terminal_that_is_gone_does_not_stop_the_training(monkeypatch, tmp_path):
    from d2l_helpers._internal import progress

    monkeypatch.setattr(progress, "_kernel", object)
    monkeypatch.setenv("D2L_PROGRESS_TTY", str(tmp_path / "missing" / "tty"))
    assert progress._terminal() is None


def test_a_user_of_a_notebook_sees_a_bar_that_vanishes():
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
    from d2l_helpers._internal.progress import NotebookOutput
    from d2l_helpers.history import History

    history = History()
    history.append(20.0, 1.0)
    updates = []
    monkeypatch.setattr("IPython.display.display", lambda *args, **kwargs: Handle(updates))
    output = NotebookOutput(history)
    output.write("\r 1/30 <b>")
    assert "img" not in updates[-1]["text/html"] and "&lt;b&gt;" in updates[-1]["text/html"]  # noqa: PT018
    output.last_drawn -= 3600
    output.write("\r 2/30")
    assert 'alt="The perplexity so far"' in updates[-1]["text/html"]
    output.close()
    assert updates[-1] == {}


class Handle:
    def __init__(self, updates):
        self.updates = updates

    def update(self, data, raw):
        self.updates.append(data)
