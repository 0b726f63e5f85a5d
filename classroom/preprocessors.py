"""What nbgrader does otherwise here: how it executes a submission, and what a feedback page may show."""

from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_output
from nbgrader.preprocessors import DeduplicateIds, Execute, NbGraderPreprocessor
from nbgrader.utils import determine_grade, is_grade

SECONDS_TO_ANSWER = 5  # for a kernel that was interrupted
NOT_PASSED = """Not passed. Run this cell in your own notebook: it says what is wrong.
If it says nothing there, your answer is right for the numbers of this test and not for others."""
ENDED = "raise RuntimeError('This cell ended the kernel, or nothing could stop it: what follows is graded without it.')"


class ConfinedExecute(Execute):
    """As nbgrader's, but a cell that ends the kernel costs only itself: all is executed once more, without it."""

    at = 0  # the index of the cell that is executed

    def preprocess(self, nb, resources, km=None):
        """Execute nb; returns it with its outputs, and the resources."""
        own = {}  # of the cells that ended a kernel: index -> source
        while True:
            try:
                nb, resources = super().preprocess(nb, resources, km)
                break
            except (DeadKernelError, CellTimeoutError):
                if self.at in own:  # it is not the cell
                    raise
                own[self.at] = nb.cells[self.at].source
                nb.cells[self.at].source = ENDED
        for index, source in own.items():
            nb.cells[index].source = source
        return nb, resources

    def create_kernel_manager(self):
        """As nbclient's, with sockets in a folder: where the kernel is there is no network."""
        manager = super().create_kernel_manager()
        manager.transport = "ipc"
        manager.connection_file = str(Path(jupyter_runtime_dir(), "kernel.json"))  # of this submission alone
        return manager

    async def ask_kernel(self):
        """Return when the kernel has answered; raises DeadKernelError if it does not."""
        try:
            await self.kc.kernel_info(reply=True, timeout=SECONDS_TO_ANSWER)
        except TimeoutError:
            raise DeadKernelError("The kernel does not answer.") from None

    def preprocess_cell(self, cell, resources, index):
        """Execute one cell; raises DeadKernelError if the kernel has ended, or does not answer any more."""
        self.at = index
        cell, resources = super().preprocess_cell(cell, resources, index)
        if any(output.get("ename") == "CellTimeoutError" for output in cell.get("outputs", [])):
            run_sync(self.ask_kernel)()
        if is_grade(cell) and cell.cell_type == "code":
            # nbgrader would take a number that is shown there for points, and no test of ours shows one.
            cell.outputs = [output for output in cell.outputs if output.output_type != "execute_result"]
        return cell, resources


class Deduplicate(DeduplicateIds):
    """As nbgrader's, which leaves behind what its own OverwriteCells stumbles over: empty metadata of a copied cell."""

    def preprocess(self, nb, resources):
        """Take from copies of a cell what says that they are marked; returns nb and the resources."""
        nb, resources = super().preprocess(nb, resources)
        for cell in nb.cells:
            if "grade_id" not in cell.metadata.get("nbgrader", {"grade_id": None}):
                del cell.metadata["nbgrader"]
        return nb, resources


class OnlyVerdicts(NbGraderPreprocessor):
    """Takes every output away, since code that is being tested could show the test; a test cell says how it ended."""

    def preprocess_cell(self, cell, resources, index):
        """One cell: returns it and the resources."""
        if cell.cell_type == "code":
            verdict = ""
            if is_grade(cell):
                points, most = determine_grade(cell)
                verdict = "Passed." if points == most else NOT_PASSED
            cell.outputs = [new_output("stream", text=verdict)] if verdict else []
        return cell, resources
