"""nbval, taught to compare numbers within a tolerance: what it does, and all settings, are in README.md beside this."""

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
from .compare import reconciled


class Hooks:
    """What a project can add."""

    def pytest_settle_outputs(self, stored, new, parameters):
        """Settle by another rule what letters and numbers do not show.

        Arguments: the outputs that a cell stores and those that it has now, two lists of nbformat's outputs, to be
        changed in place before they are compared; and the parameters that were replaced, name -> value.
        """


class TolerantCell(IPyNbCell):
    """A cell whose printed numbers may differ within a tolerance."""

    def compare_outputs(self, test, ref, skip_compare=None):
        """As nbval's, after all that agrees has been made the same."""
        new, stored = copy.deepcopy(test), copy.deepcopy(ref)
        for output in new:
            if output.get("name") == "stderr":
                print(output["text"])  # nbval only says that there is some; pytest shows this if the cell fails
        self.ihook.pytest_settle_outputs(stored=stored, new=new, parameters=self.parent.parameters)
        for one, other in zip(stored, new, strict=False):
            for fields, new_fields in ((one, other), (one.get("data", {}), other.get("data", {}))):
                for kind in fields.keys() & new_fields.keys():
                    if kind == "text" or kind.startswith("text/"):
                        new_fields[kind] = reconciled(fields[kind], new_fields[kind], self.settings)
        return super().compare_outputs(new, stored, skip_compare)


class TolerantNotebook(IPyNbFile):
    """A notebook of tolerant cells."""

    def collect(self):
        """As nbval's, after the settings have been read and parameters replaced."""
        items = list(super().collect())
        try:
            parameters = settings.of_notebook(self.nb, self.path.name)
            self.parameters = {} if self.config.getoption("--full-training") else parameters
            return [self.tolerant(item) for item in items]
        except ValueError as error:
            raise self.CollectError(str(error)) from None

    def tolerant(self, item):
        """An item of nbval's as a tolerant cell."""
        cell, tags = item.cell, item.cell.metadata.get("tags", [])
        own = TolerantCell.from_parent(self, name=item.name, cell_num=item.cell_num, cell=cell, options=item.options)
        own.settings = settings.of_cell(cell, f"{self.path.name}, {item.name}")
        own.output_timeout = 600  # seconds from a cell's end until all that it printed is here
        if "parameters" in tags:
            cell.source += "".join(f"\n{name} = {value!r}" for name, value in self.parameters.items())
        if cell.source.endswith(";"):
            cell.source += "\nNone"  # IPython looks for the semicolon in its history, and nbval keeps none
        return own

    def setup(self):
        """As nbval's, with fresh folders, and without a limit of time."""
        self.folders = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        for number, cell in enumerate(self.nb.cells):
            if "tmp-dir" in cell.metadata.get("tags", []):
                cell.source += f"\nfolder = {str(Path(self.folders.name, str(number)))!r}"
        super().setup()
        self.kernel.await_reply = partial(await_reply, self.kernel)

    def teardown(self):
        """As nbval's."""
        super().teardown()
        self.folders.cleanup()


def await_reply(kernel, msg_id, timeout):
    """As nbval's, but however long a cell takes; a kernel that has died is noticed instead."""
    while kernel.is_alive():
        with contextlib.suppress(Empty):
            return RunningKernel.await_reply(kernel, msg_id, timeout=1)
    raise RuntimeError("The kernel has died.")


def pytest_addhooks(pluginmanager):
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser):
    parser.addoption("--full-training", action="store_true", help="leave the notebooks' parameters as they are")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    collectors = yield
    return [
        TolerantNotebook.from_parent(parent, path=file_path) if type(collector) is IPyNbFile else collector
        for collector in collectors
    ]
