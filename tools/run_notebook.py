"""Execute a notebook and show its printed output while it runs: `make run`.

    python -m tools.run_notebook NOTEBOOK FOLDER [pretrained] [path=FILE] [NAME=INTEGER ...]

The executed notebook and an HTML copy are written to FOLDER. path=FILE (a text) and NAME=INTEGER replace the values of
variables that the notebook sets in its cell with the tag `parameters`. With `pretrained`, training starts from the
package's weights, which have completed all 3,000 epochs.
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
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # during the slow imports, Ctrl-C exits without a traceback

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert.filters import strip_ansi
from traitlets.config import Config

from tools.export_html import html_copy


class Runner(NotebookClient):
    """Execute a notebook, show its printed output, save it after each cell, and forward Ctrl-C to the kernel."""

    def __init__(self, notebook, target, **options):
        super().__init__(notebook, kernel_name="python3", coalesce_streams=True, startup_timeout=600, **options)
        self.on_notebook_start = self.handle_ctrl_c
        self.on_cell_start = self.cancel_if_interrupted
        self.on_cell_executed = lambda **_: nbformat.write(notebook, target)
        self.on_cell_error = self.store_traceback
        self.interrupts = 0
        self.traceback = []
        self.at_line_start = True

    def process_message(self, msg, cell, cell_index):
        output = super().process_message(msg, cell, cell_index)
        if output and output.output_type == "stream":
            self.show(output.text, sys.stderr if output.name == "stderr" else sys.stdout)
        return output

    def show(self, text, file):
        # The kernel draws its progress bar on the same terminal, possibly after it has printed this text.
        clear = "\r\033[K" if self.at_line_start and file.isatty() else ""
        print(clear + (text if file.isatty() else strip_ansi(text)), end="", file=file, flush=True)
        self.at_line_start = text.endswith("\n")

    def handle_ctrl_c(self, notebook):
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self.interrupt)

    def interrupt(self):
        """Interrupt the cell; the second time, shut down the kernel."""
        self.interrupts += 1
        stop = self.km.interrupt_kernel() if self.interrupts == 1 else self.km.shutdown_kernel(now=True)
        self.stopping = asyncio.ensure_future(stop)

    def cancel_if_interrupted(self, cell, cell_index):
        if self.interrupts:  # the previous cell has handled the interrupt and finished
            raise asyncio.CancelledError

    def store_traceback(self, cell, cell_index, execute_reply):
        self.traceback = execute_reply["content"]["traceback"]


USE_PRETRAINED = """# Added by `make run PRETRAINED=1`: resume from the pretrained weights; no epoch is left to train.
import functools, os, shutil
os.path.exists({copy!r}) or shutil.copy(d2l.PRETRAINED, {copy!r})
d2l.train_and_predict_rnn_gluon = functools.partial(d2l.train_and_predict_rnn_gluon, checkpoint={copy!r})"""


def use_pretrained(notebook, copy):
    """Make this notebook's training resume from a copy of the pretrained weights; return whether it trains at all."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and "d2l.train_and_predict_rnn_gluon(" in cell.source:
            notebook.cells.insert(index, nbformat.v4.new_code_cell(USE_PRETRAINED.format(copy=str(copy.resolve()))))
            return True
    return False


def inject_parameters(notebook, parameters):
    """Set parameters, name -> literal, after the notebook's cell with the tag `parameters`; return unknown names."""
    for index, cell in enumerate(notebook.cells):
        if "parameters" in cell.metadata.get("tags", []):
            nodes = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
            names = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
            lines = [f"{name} = {value}" for name, value in parameters.items() if name in names]
            added = nbformat.v4.new_code_cell("\n".join(lines), metadata={"tags": ["injected-parameters"]})
            notebook.cells[index + 1 : index + 1] = [added] if lines else []
            return parameters.keys() - names
    return parameters.keys()


def readable_text(path):
    """Return the absolute path of a text file; exit with one sentence if `load_data_text` cannot read it."""
    from d2l_helpers import load_data_text

    try:
        load_data_text(path)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    return Path(path).resolve()


def execute(runner, folder):
    """Execute in this folder; return the exit status: 0, 1 after an error, or 130 after Ctrl-C."""
    previous_handler = signal.getsignal(signal.SIGINT)
    with tempfile.TemporaryDirectory() as sockets, open(f"{sockets}/log", "w+") as log:
        # With the default, TCP, other users of this machine could connect to the kernel.
        runner.config = Config(KernelManager={"transport": "ipc", "connection_file": f"{sockets}/kernel.json"})
        try:
            # Printed output arrives in messages; the kernel's own log is needed only if the kernel dies.
            runner.execute(cwd=str(folder), stdout=log, stderr=log)
            return 0
        except asyncio.CancelledError:
            return 130
        except (CellExecutionError, RuntimeError) as error:
            if runner.interrupts:
                return 130
            if isinstance(error, CellExecutionError):
                message = "\n".join(runner.traceback)
            else:
                log.seek(0)
                message = f"{log.read()}{error}: if no error is shown above, memory may have run out."
            runner.show(message + "\n", sys.stderr)
            return 1
        finally:
            signal.signal(signal.SIGINT, previous_handler)


def main(source, folder, *options):
    source, target = Path(source), Path(folder, Path(source).name)
    if not source.exists():
        names = ", ".join(sorted(path.stem for path in source.parent.glob("*.ipynb")))
        sys.exit(f"There is no notebook {source}; choose one of {names}.")
    parameters = {}
    for option in options:
        name, _, value = option.partition("=")
        if name == "path":
            parameters[name] = repr(str(readable_text(value)))
        elif re.fullmatch(r"\w+=\d+", option):
            parameters[name] = value
        elif option != "pretrained":
            sys.exit(f"A parameter must be NAME=INTEGER, got {option!r}; for example, num_epochs=500.")
    notebook = nbformat.read(source, 4)
    for name in inject_parameters(notebook, parameters):
        print(f"{source} has no parameter {name}; the option is ignored.", file=sys.stderr)
    if "pretrained" in options and not use_pretrained(notebook, target.with_suffix(".npz")):
        print(f"{source} trains no network, so it runs unmodified.", file=sys.stderr)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    if sys.stdout.isatty():
        os.environ["D2L_PROGRESS_TTY"] = os.ttyname(sys.stdout.fileno())  # where the kernel draws its progress bar
    runner = Runner(notebook, target)
    status = execute(runner, source.parent)
    nbformat.write(notebook, target)
    page = target.with_suffix(".html")
    page.write_text(html_copy(notebook, source.stem, source.parent), encoding="utf-8")
    result = {0: "Executed notebook", 1: "Cells run before the error", 130: "Interrupted; cells run so far"}[status]
    runner.show(f"{result}: {target}; HTML copy: {page}\n", sys.stderr if status else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
