"""Execute a notebook and show what it prints, when it prints it: `make run`.

    python tools/run_notebook.py NOTEBOOK FOLDER [trained] [NAME=NUMBER ...]

The executed notebook and an HTML copy go to the folder. A number takes the place of the one that the notebook gives to
this name in its cell with the tag `parameters`. With `trained` the document's training is not repeated: it takes up
the run of 3,000 epochs that comes with the package.
"""

import ast
import asyncio
import os
import re
import signal
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as long as there is nothing to save, Ctrl-C ends this without a word

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert.filters import strip_ansi
from traitlets.config import Config

from tools.export_html import html_copy


class Runner(NotebookClient):
    """Executes a notebook, shows what its cells print, saves after each of them, and passes Ctrl-C on to them."""

    def __init__(self, notebook, target, **options):
        super().__init__(notebook, kernel_name="python3", coalesce_streams=True, startup_timeout=600, **options)
        self.on_notebook_start = self.listen_to_ctrl_c
        self.on_cell_start = self.end_if_interrupted
        self.on_cell_executed = lambda **_: nbformat.write(notebook, target)
        self.on_cell_error = self.keep_error
        self.interrupts = 0
        self.error = []
        self.at_the_start_of_a_line = True

    def process_message(self, msg, cell, cell_index):
        output = super().process_message(msg, cell, cell_index)
        if output and output.output_type == "stream":
            self.show(output.text, sys.stderr if output.name == "stderr" else sys.stdout)
        return output

    def show(self, text, file):
        # The kernel draws its bar on the same terminal, perhaps once more after it printed this.
        clear = "\r\033[K" if self.at_the_start_of_a_line and file.isatty() else ""
        print(clear + (text if file.isatty() else strip_ansi(text)), end="", file=file, flush=True)
        self.at_the_start_of_a_line = text.endswith("\n")

    def listen_to_ctrl_c(self, notebook):
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self.interrupt)

    def interrupt(self):
        """Stop the cell, as the stop button of a notebook does; when asked again, stop the kernel."""
        self.interrupts += 1
        stop = self.km.interrupt_kernel() if self.interrupts == 1 else self.km.shutdown_kernel(now=True)
        self.stopping = asyncio.ensure_future(stop)

    def end_if_interrupted(self, cell, cell_index):
        if self.interrupts:  # and the cell before went on regardless
            raise asyncio.CancelledError

    def keep_error(self, cell, cell_index, execute_reply):
        self.error = execute_reply["content"]["traceback"]


TAKE_UP = """# Added by `make run PRETRAINED=1`: the run that comes with the package, and nothing left to train.
import functools, os, shutil
os.path.exists({copy!r}) or shutil.copy(d2l.PRETRAINED, {copy!r})
d2l.train_and_predict_rnn_gluon = functools.partial(d2l.train_and_predict_rnn_gluon, checkpoint={copy!r})"""


def take_up_trained(notebook, copy):
    """Have the trainings of this notebook go on from a copy of the trained network; True if it has one."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and "d2l.train_and_predict_rnn_gluon(" in cell.source:
            notebook.cells.insert(index, nbformat.v4.new_code_cell(TAKE_UP.format(copy=str(copy.resolve()))))
            return True
    return False


def set_numbers(notebook, numbers):
    """Set numbers, name -> int, behind the notebook's parameters; returns the names that are none of them."""
    for index, cell in enumerate(notebook.cells):
        if "parameters" in cell.metadata.get("tags", []):
            nodes = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
            names = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
            lines = [f"{name} = {number}" for name, number in numbers.items() if name in names]
            added = nbformat.v4.new_code_cell("\n".join(lines), metadata={"tags": ["injected-parameters"]})
            notebook.cells[index + 1 : index + 1] = [added] if lines else []
            return numbers.keys() - names
    return numbers.keys()


def execute(runner, folder):
    """Execute in this folder; returns the exit status: 0, 1 after an error, 130 after Ctrl-C."""
    before = signal.getsignal(signal.SIGINT)
    with tempfile.TemporaryDirectory() as sockets, open(f"{sockets}/words", "w+") as words:
        # Over TCP others on this machine could listen.
        runner.config = Config(KernelManager={"transport": "ipc", "connection_file": f"{sockets}/kernel.json"})
        try:
            # What cells print comes in messages; what the kernel itself says matters when it cannot send any.
            runner.execute(cwd=str(folder), stdout=words, stderr=words)
            return 0
        except asyncio.CancelledError:
            return 130
        except (CellExecutionError, RuntimeError) as error:
            if runner.interrupts:
                return 130
            words.seek(0)
            died = [words.read() + f"{error}: if nothing above says why, memory may have run out."]
            told = runner.error if isinstance(error, CellExecutionError) else died
            runner.show("\n".join(told) + "\n", sys.stderr)
            return 1
        finally:
            signal.signal(signal.SIGINT, before)


def main(source, folder, *pairs):
    source, target = Path(source), Path(folder, Path(source).name)
    if not source.exists():
        names = ", ".join(sorted(path.stem for path in source.parent.glob("*.ipynb")))
        sys.exit(f"There is no notebook {source}: choose one of {names}.")
    trained, pairs = "trained" in pairs, [pair for pair in pairs if pair != "trained"]
    for pair in pairs:
        if not re.fullmatch(r"\w+=\d+", pair):
            sys.exit(f"{pair!r} is not a name with a whole number: write it like num_epochs=500.")
    notebook = nbformat.read(source, 4)
    for name in set_numbers(notebook, dict(pair.split("=") for pair in pairs)):
        print(f"{source} has no number {name} to set, so it runs without.", file=sys.stderr)
    if trained and not take_up_trained(notebook, target.with_suffix(".npz")):
        print(f"{source} has no training to leave out, so it runs as it is.", file=sys.stderr)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    if not sys.stdout.isatty():
        os.environ["D2L_PROGRESS"] = "off"  # a bar would run into what comes through a pipe
    runner = Runner(notebook, target)
    status = execute(runner, source.parent)
    nbformat.write(notebook, target)
    page = target.with_suffix(".html")
    page.write_text(html_copy(notebook, source.stem, source.parent), encoding="utf-8")
    begin = {
        0: "The executed notebook is",
        1: "What ran before the error is in",
        130: "Interrupted: what ran before is in",
    }
    where = f"{begin[status]} {target}; to read it in a browser: {page}\n"
    runner.show(where, sys.stderr if status else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
