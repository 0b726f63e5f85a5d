"""Nbgrader preprocessors that execute submissions and decide what a feedback page shows."""

from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_output
from nbgrader.preprocessors import DeduplicateIds, Execute, NbGraderPreprocessor
from nbgrader.utils import determine_grade, is_grade

INTERRUPT_SECONDS = 5  # within which an interrupted kernel must reply
NOT_PASSED = """Not passed. Run this test in your own notebook to see what is wrong.
If it passes there, your answer is correct for the visible tests but not for the hidden ones."""
REPLACEMENT = "raise RuntimeError('This cell ended the kernel or could not be interrupted; it was not executed again.')"


class SandboxedExecute(Execute):
    """Execute a submission; if a cell ends the kernel, execute everything again without that cell."""

    current_index = 0

    def preprocess(self, nb, resources, km=None):
        """Return the executed notebook, with its original source, and the resources."""
        fatal = {}  # index -> source of the cells that ended the kernel
        while True:
            try:
                nb, resources = super().preprocess(nb, resources, km)
                break
            except (DeadKernelError, CellTimeoutError):
                if self.current_index in fatal:  # the kernel died again, so the cell is not the cause
                    raise
                cell = nb.cells[self.current_index]
                fatal[self.current_index], cell.source = cell.source, REPLACEMENT
        for index, source in fatal.items():
            nb.cells[index].source = source
        return nb, resources

    def create_kernel_manager(self):
        """Return nbclient's kernel manager, set to Unix sockets because the sandbox has no network."""
        manager = super().create_kernel_manager()
        manager.transport = "ipc"
        manager.connection_file = str(Path(jupyter_runtime_dir(), "kernel.json"))  # one directory per submission
        return manager

    async def check_kernel(self):
        """Raise DeadKernelError unless the kernel replies."""
        try:
            await self.kc.kernel_info(reply=True, timeout=INTERRUPT_SECONDS)
        except TimeoutError:
            raise DeadKernelError("The kernel does not reply.") from None

    def preprocess_cell(self, cell, resources, index):
        """Execute one cell; raise DeadKernelError if the kernel ended or stopped replying."""
        self.current_index = index
        cell, resources = super().preprocess_cell(cell, resources, index)
        if any(output.get("ename") == "CellTimeoutError" for output in cell.get("outputs", [])):
            run_sync(self.check_kernel)()
        if is_grade(cell) and cell.cell_type == "code":
            # nbgrader reads a displayed number as points, and no test of the assignment displays one.
            cell.outputs = [output for output in cell.outputs if output.output_type != "execute_result"]
        return cell, resources


class RemoveDuplicates(DeduplicateIds):
    """Remove the nbgrader metadata of copied cells completely, because OverwriteCells fails on empty metadata."""

    def preprocess(self, nb, resources):
        """Return the notebook, in which only one cell has each grade_id, and the resources."""
        nb, resources = super().preprocess(nb, resources)
        for cell in nb.cells:
            if "grade_id" not in cell.metadata.get("nbgrader", {"grade_id": None}):
                del cell.metadata["nbgrader"]
        return nb, resources


class HideOutputs(NbGraderPreprocessor):
    """Remove all outputs, because an answer could print the hidden tests; show only whether each test passed."""

    def preprocess_cell(self, cell, resources, index):
        """Return the cell without its outputs, and the resources."""
        if cell.cell_type == "code":
            outputs = []
            if is_grade(cell):
                points, max_points = determine_grade(cell)  # reads the outputs
                outputs = [new_output("stream", text="Passed." if points == max_points else NOT_PASSED)]
            cell.outputs = outputs
        return cell, resources
