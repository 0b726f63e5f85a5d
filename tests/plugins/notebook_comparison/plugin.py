"""Extend nbval to compare numbers within tolerances. README.md describes all settings."""

import contextlib
import copy
import tempfile
from functools import partial
from pathlib import Path
from queue import Empty

import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile

from . import settings
from .compare import MARKUP, align, is_text, normalize_markup


class Hooks:
    """Hooks that a project can implement."""

    def pytest_nbval_normalize_outputs(self, stored, new, parameters):
        """Change the outputs of a cell in place before they are compared. Both lists are sorted by kind.

        Args:
            stored: The stored outputs, a list of copies of nbformat's outputs.
            new: The new outputs, likewise.
            parameters: The parameters that replaced those of the notebook, a dict from names to values.
        """


class TolerantCell(IPyNbCell):
    """A cell whose printed numbers may differ within tolerances."""

    def compare_outputs(self, test, ref, skip_compare=None):
        """Compare the outputs as nbval does, after replacing all lines that agree by the stored ones."""
        new, stored = (sorted(copy.deepcopy(outputs), key=kind) for outputs in (test, ref))
        for output in new:
            if output.get("name") == "stderr":
                print(output["text"])  # nbval does not report the text, but pytest shows what is printed here
        self.ihook.pytest_nbval_normalize_outputs(stored=stored, new=new, parameters=self.parent.parameters)
        for output, new_output in zip(stored, new, strict=False):
            for fields, new_fields in ((output, new_output), (output.get("data", {}), new_output.get("data", {}))):
                for key in filter(is_text, fields.keys() & new_fields.keys()):
                    if key in MARKUP:
                        fields[key], new_fields[key] = map(normalize_markup, (fields[key], new_fields[key]))
                    new_fields[key] = align(fields[key], new_fields[key], self.settings)
        return super().compare_outputs(new, stored, skip_compare)


def kind(output):
    """Return a key that sorts outputs by kind, because their order may differ between kinds: first, both streams."""
    return output.output_type != "stream", output.output_type, output.get("name", "")


class TolerantNotebook(IPyNbFile):
    """A notebook of tolerant cells."""

    def collect(self):
        """Collect the cells as nbval does, then read the settings and replace the parameters."""
        items = list(super().collect())
        self.skip_compare = tuple(key for key in self.skip_compare if key != "output_type")
        try:
            parameters = settings.notebook_parameters(self.nb, self.path.name)
            self.parameters = {} if self.config.getoption("--full-training") else parameters
            return [self.make_tolerant(item) for item in items]
        except ValueError as error:
            raise self.CollectError(str(error)) from None

    def make_tolerant(self, item):
        """Return a tolerant cell for a cell of nbval's."""
        cell, tags = item.cell, item.cell.metadata.get("tags", [])
        tolerant = TolerantCell.from_parent(
            self, name=item.name, cell_num=item.cell_num, cell=cell, options=item.options
        )
        tolerant.settings = settings.cell_settings(cell, f"{self.path.name}, {item.name}")
        tolerant.output_timeout = 600  # seconds to wait for the remaining outputs after the cell has finished
        if "parameters" in tags:
            cell.source += "".join(f"\n{name} = {value!r}" for name, value in self.parameters.items())
        if cell.source.endswith(";"):
            cell.source += "\nNone"  # IPython looks for the semicolon in its history, which nbval does not record
        return tolerant

    def setup(self):
        """Set up as nbval does, and add temporary folders and an unlimited timeout."""
        self.folders = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        for number, cell in enumerate(self.nb.cells):
            if "tmp-dir" in cell.metadata.get("tags", []):
                cell.source += f"\nfolder = {str(Path(self.folders.name, str(number)))!r}"
        super().setup()
        self.kernel.await_reply = partial(await_reply, self.kernel)

    def teardown(self):
        super().teardown()
        self.folders.cleanup()


def await_reply(kernel, msg_id, timeout):
    """Wait for a cell without a time limit, but notice when the kernel dies; replaces nbval's method."""
    while kernel.is_alive():
        with contextlib.suppress(Empty):
            return RunningKernel.await_reply(kernel, msg_id, timeout=1)
    raise RuntimeError("The kernel has died.")


def pytest_addhooks(pluginmanager):
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser):
    parser.addoption(
        "--full-training", action="store_true", help="run notebooks with their own parameters, not the test parameters"
    )


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    collectors = yield
    return [
        TolerantNotebook.from_parent(parent, path=file_path) if type(collector) is IPyNbFile else collector
        for collector in collectors
    ]
