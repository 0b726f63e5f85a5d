"""`make run` shows printed output and progress bars, and writes an HTML copy that works offline."""

import base64
import io
import os
import pty
import re
import subprocess
import sys
import termios
import textwrap
import threading
from pathlib import Path

import bs4
import nbformat
import pytest
from fontTools.ttLib import TTFont

from tools.export_html import html_copy
from tools.run_notebook import main

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
FILES = "build/lesson.ipynb; HTML copy: build/lesson.html\n"
RESULT = f"Executed notebook: {FILES}"
BAR = """
from d2l_helpers._internal import progress

progress.SECONDS_BETWEEN_UPDATES = 0
with progress.Progress(900, "epoch") as bar:
    for epoch in range(900):
        bar.update("learning")
        if epoch % 300 == 299:
            bar.print(f"report {epoch + 1}\\n - with a second line")
"""
IGNORING = "try:\n    print('started')\n    time.sleep(600)\nexcept KeyboardInterrupt:\n    print('ignored')"
REPORTS = "".join(f"report {epoch}\n - with a second line\n" for epoch in (300, 600, 900))


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("D2L_PROGRESS_TTY", raising=False)


@pytest.fixture
def lesson(tmp_path):
    """Return a function that writes a notebook of these code cells; the first has the tag `parameters`."""

    def write(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        cells[0].metadata["tags"] = ["parameters"]
        cells[-1].outputs = [nbformat.v4.new_output("stream", text="from an earlier run")]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "lesson.ipynb")
        (tmp_path / "build").mkdir()
        return tmp_path

    return write


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the notebook without a terminal and returns its status, stdout, and stderr."""

    def execute(folder, *options):
        monkeypatch.chdir(folder)
        return main("lesson.ipynb", "build", *options), *capsys.readouterr()

    return execute


class Terminal:
    """A run on a terminal of 120 columns, with its stdout on the terminal or in a pipe."""

    def __init__(self, folder, stdout=None):
        self.terminal, child = pty.openpty()
        termios.tcsetwinsize(child, (24, 120))
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", sys.executable, "-m", "tools.run_notebook", "lesson.ipynb", "build"],
            cwd=folder, stdin=child, stdout=stdout or child, stderr=child, text=True,
        )  # fmt: skip
        os.close(child)
        self.received = b""

    def until(self, text):
        """Wait for this output, or, if it is None, for the end of the run."""
        while text is None or text.encode() not in self.received:
            try:
                piece = os.read(self.terminal, 4096)
            except OSError:  # the run has ended
                piece = b""
            self.received += piece
            if not piece:
                return self.received.decode()
        return self.received.decode()

    def press_ctrl_c(self):
        os.write(self.terminal, b"\x03")

    def screen(self):
        """Return the final text on the screen."""
        lines = self.until(None).replace("\r\n", "\n").split("\n")
        return "\n".join(re.split(r"\r\x1b\[K|\r(?=\s*$)", line)[-1].strip("\r") for line in lines)


def result(folder):
    notebook = nbformat.read(folder / "build" / "lesson.ipynb", 4)
    assert "<html" in (folder / "build" / "lesson.html").read_text()
    return notebook.cells


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def test_without_a_terminal_the_output_and_the_paths_of_the_results_are_printed(lesson, run):
    warning = "import warnings; warnings.warn('careful')"
    folder = lesson("num_epochs, lr = 3000, 100", "print(num_epochs, lr)\nlr", warning)
    status, output, errors = run(folder, "num_epochs=7")
    assert output == f"7 100\n{RESULT}"
    assert re.fullmatch(r".*UserWarning: careful\n.*\n", errors)
    assert status == 0
    parameters, injected, output_cell, _ = result(folder)
    assert parameters.source == "num_epochs, lr = 3000, 100"
    assert injected.source == "num_epochs = 7"
    assert printed(output_cell) == "7 100\n"


def test_an_unknown_parameter_is_reported_and_ignored(lesson, run):
    folder = lesson("lr = 100", "print(lr, 'num_epochs' in globals())")
    status, output, errors = run(folder, "num_epochs=7")
    assert output == f"100 False\n{RESULT}"
    assert errors == "lesson.ipynb has no parameter num_epochs; the option is ignored.\n"
    assert len(result(folder)) == 2


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ([], "num_epochs=500 pred_period=100"),
        (["EPOCHS=3000", "PERIOD=500"], "num_epochs=3000 pred_period=500"),
        (["NOTEBOOK=depth-study"], ""),
        (["NOTEBOOK=mine", "EPOCHS=9"], "num_epochs=9"),
        (["PRETRAINED=1"], "pretrained"),
        (["TEXT=my.txt"], '"path=my.txt"'),
        (["TEXT=my.txt", "EPOCHS=9"], '"path=my.txt" num_epochs=9'),
    ],
)
def test_make_shortens_only_the_default_run(arguments, parameters):
    command = ["make", "-n", "run", *arguments]
    commands = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(r"ipynb build(.*?)\|\|", commands.replace("\\\n", ""))[1].split() == parameters.split()


def test_make_run_with_a_text_executes_the_notebook_for_texts():
    command = ["make", "-n", "run", "TEXT=my text.txt"]
    commands = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "notebooks/your-text.ipynb build" in commands
    assert '"path=my text.txt"' in commands


def test_the_path_of_a_text_is_absolute_in_the_notebook(lesson, run, monkeypatch):
    folder = lesson("path = None", "print(path)")
    Path(folder, "it's mine.txt").write_text("once upon a time")
    monkeypatch.chdir(folder)
    status, output, _ = run(folder, "path=it's mine.txt")
    assert (status, output) == (0, f"{folder.resolve()}/it's mine.txt\n{RESULT}")


@pytest.mark.parametrize(("name", "content"), [("no.txt", None), ("empty.txt", b""), ("x.png", b"\x89PNG\r\n\0\1")])
def test_an_unreadable_text_ends_in_one_sentence_before_anything_runs(lesson, name, content, is_one_sentence):
    folder = lesson("path = None")
    if content is not None:
        Path(folder, name).write_bytes(content)
    with pytest.raises(SystemExit) as error:
        main(f"{folder}/lesson.ipynb", f"{folder}/build", f"path={folder}/{name}")
    assert is_one_sentence(error.value.code)
    assert not list(Path(folder, "build").iterdir())


def test_wrong_arguments_raise_an_error_of_one_sentence(lesson, run, is_one_sentence):
    folder = lesson("1")
    with pytest.raises(SystemExit, match="^A parameter must be NAME=INTEGER, got 'num_epochs=many'; for") as wrong:
        run(folder, "num_epochs=many")
    (folder / "lesson.ipynb").rename(folder / "other.ipynb")
    with pytest.raises(SystemExit, match="choose one of other") as missing:
        run(folder)
    assert is_one_sentence(wrong.value.code)
    assert is_one_sentence(missing.value.code)


def test_on_a_terminal_the_bar_and_the_reports_do_not_overlap(lesson):
    folder = lesson("1", BAR)
    terminal = Terminal(folder)
    assert terminal.screen() == f"{REPORTS}{RESULT}"
    bars = re.findall(r"\d+%\|.*?/900 \[.*?learning\]", terminal.received.decode())
    assert len(bars) > 10
    assert printed(result(folder)[1]) == REPORTS


def test_a_pipe_receives_output_immediately_and_the_terminal_shows_no_bar(lesson):
    wait = "import pathlib, time\nprint('first')\nwhile not pathlib.Path('seen').exists(): time.sleep(0.1)"
    folder = lesson(wait, BAR)
    terminal = Terminal(folder, stdout=subprocess.PIPE)
    assert terminal.process.stdout.readline() == "first\n"
    (folder / "seen").touch()
    reader = threading.Thread(target=terminal.until, args=[None])
    reader.start()
    assert terminal.process.communicate()[0] == f"{REPORTS}{RESULT}"
    reader.join()
    assert terminal.received == b""


def test_ctrl_c_interrupts_the_cell_and_saves_the_outputs_so_far(lesson):
    folder = lesson("print('before')", "import time\nprint('started')\ntime.sleep(600)", "print('after')")
    terminal = Terminal(folder)
    terminal.until("started")
    terminal.press_ctrl_c()
    assert terminal.screen() == f"before\nstarted\nInterrupted; cells run so far: {FILES}"
    assert terminal.process.wait() == 130
    before, stopped, after = result(folder)
    assert printed(before) == "before\n"
    assert printed(stopped) == "started\n"
    assert stopped.outputs[-1].ename == "KeyboardInterrupt"
    assert after.outputs == []


def test_after_ctrl_c_no_further_cell_runs_even_if_the_cell_handles_the_interrupt(lesson):
    terminal = Terminal(lesson("import time", IGNORING, "print('never')"))
    terminal.until("started")
    terminal.press_ctrl_c()
    assert terminal.screen() == f"started\nignored\nInterrupted; cells run so far: {FILES}"


def test_a_second_ctrl_c_ends_a_cell_that_ignores_interrupts(lesson):
    ignoring = f"while True:\n{textwrap.indent(IGNORING, '    ')}"
    terminal = Terminal(lesson("import time", ignoring))
    terminal.until("started")
    terminal.press_ctrl_c()
    terminal.until("ignored")
    terminal.press_ctrl_c()
    assert terminal.screen().endswith(f"Interrupted; cells run so far: {FILES}")
    assert terminal.process.wait() == 130


def test_an_error_is_shown_once_with_the_path_of_the_notebook(lesson, run):
    folder = lesson("print('before')", "def fail():\n    raise ValueError('no such thing')\n\nfail()", "print('after')")
    status, output, errors = run(folder)
    assert output == "before\n"
    assert errors.count("ValueError: no such thing") == 1
    assert errors.endswith(f"Cells run before the error: {FILES}")
    assert "\x1b" not in errors
    assert status == 1
    assert [len(cell.outputs) for cell in result(folder)] == [1, 1, 0]


def test_with_pretrained_weights_no_epoch_is_left_to_train(lesson, run):
    train = """import d2l_helpers as d2l
from mxnet.gluon import rnn

(corpus_indices, char_to_idx, idx_to_char, vocab_size) = d2l.load_data_time_machine()
model = d2l.RNNModel(rnn.LSTM(256, 2), vocab_size)"""
    call = """d2l.train_and_predict_rnn_gluon(model, 256, vocab_size, d2l.try_gpu(), corpus_indices,
    idx_to_char, char_to_idx, 3000, 35, 100, 1e-2, 32, 500, 50, ['traveller', 'time traveller'])"""
    folder = lesson("anything = 1", train, call)
    status, output, errors = run(folder, "pretrained")
    assert (status, errors) == (0, "")
    assert re.findall(r"^epoch (\d+)", output, re.MULTILINE) == ["500", "1000", "1500", "2000", "2500", "3000"]
    assert result(folder)[2].source.startswith("# Added by `make run PRETRAINED=1`")


def test_a_notebook_without_training_runs_unmodified(lesson, run):
    status, output, errors = run(lesson("print('before')"), "pretrained")
    assert output.startswith("before\n")
    assert errors == "lesson.ipynb trains no network, so it runs unmodified.\n"


def test_a_dead_kernel_ends_the_run(lesson, run):
    status, _, errors = run(lesson("import os; os.kill(os.getpid(), 9)"))
    assert errors == (
        f"Kernel died: if no error is shown above, memory may have run out.\nCells run before the error: {FILES}"
    )
    assert status == 1


def test_the_html_copy_embeds_every_kind_of_formula_and_image(tmp_path):
    texts = [
        r"$x_t$ and `$5` and \$6",
        "$$\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix} \\odot \\mathbf{W}$$",
        "\\begin{equation}\\sum_{i<n} \\text{costs } \\underbrace{x_i}_{\\mathbb{R}}\\end{equation}",
        "$\\unknown{x}$",
        "![a local image](dot.png) ![an attached image](attachment:dot.png)",
    ]
    cells = [nbformat.v4.new_markdown_cell(text) for text in texts]
    cells[-1].attachments = {"dot.png": {"image/png": PNG}}
    for alt in ({"image/png": {"alt": "in the <output>"}}, {}):
        figure = nbformat.v4.new_output("display_data", {"image/png": PNG}, metadata=alt)
        cells.append(nbformat.v4.new_code_cell(outputs=[figure], metadata={"alt": "in the cell"}))
    (tmp_path / "dot.png").write_bytes(base64.b64decode(PNG))
    page = page_of(nbformat.v4.new_notebook(cells=cells), tmp_path)
    inline, matrix, equation = page.find_all("math")
    assert inline.find("msub")
    assert [row.get_text() for row in matrix.find_all("mtr")] == ["ab", "cd"]
    assert "⊙" in matrix.text and "𝐖" in matrix.text  # noqa: PT018
    assert {"∑", "<", "costs\N{NO-BREAK SPACE}", "⏟", "ℝ"} <= {leaf.text for leaf in equation.find_all() if leaf.string}
    assert page.find(class_="math-core-error").text == r"\unknown{x}"
    alts = ["a local image", "an attached image", "in the <output>", "in the cell"]
    assert [image["alt"] for image in page.find_all("img")] == alts
    assert "$6" in page.text
    assert_self_contained(page)


def page_of(notebook, folder):
    return bs4.BeautifulSoup(html_copy(notebook, "title", folder), "html.parser")


def assert_self_contained(page):
    assert page.find_all(["script", "link", "iframe", "object", "embed", "video", "audio", "source"]) == []
    for element in page.find_all(src=True):
        assert element["src"].startswith("data:"), element["src"]
    styles = "".join(style.text for style in page.find_all("style"))
    assert "@import" not in styles
    # nbconvert's style sheet also refers to the files of an icon font, which the page does not use.
    assert set(re.findall(r"url\(['\"]?([\w.]+)", styles)) <= {"data", ".."}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_the_html_copy_of_a_notebook_shows_its_formulas_and_figures(path):
    notebook = nbformat.read(path, 4)
    page = page_of(notebook, path.parent)
    sources = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    formulas = re.findall(r"\$\$.+?\$\$|\$.+?\$", re.sub(r"`[^`]*`", "", sources), re.DOTALL)
    assert len(page.find_all("math")) == len(formulas) > 0
    assert page.find(class_="math-core-error") is None
    for text in page.find_all(class_="text_cell_render"):
        for code in text.find_all("code"):
            code.extract()
        assert "$" not in text.text
        assert "\\" not in text.text
    images = page.find_all("img")
    assert images
    assert all(len(image["alt"]) > 20 for image in images)
    assert_self_contained(page)
    assert_font_covers_formulas(page)


def assert_font_covers_formulas(page):
    data = re.search(r"font-family: mathematics; src: url\(data:font/woff;base64,(.*?)\)", page.decode())[1]
    font = TTFont(io.BytesIO(base64.b64decode(data)))
    characters = {ord(c) for math in page.find_all("math") for c in math.text if not c.isspace()}
    assert characters <= font.getBestCmap().keys()
    italics = {0x1D44E + i for i in range(26)} - {0x1D455} | {0x210E}
    assert italics <= font.getBestCmap().keys()
    stretched = font["MATH"].table.MathVariants.HorizGlyphCoverage.glyphs
    assert ("⏟" not in page.text) or font.getBestCmap()[ord("⏟")] in stretched
