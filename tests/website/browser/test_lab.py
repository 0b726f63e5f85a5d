"""The original notebook in JupyterLab: a student edits, runs, interrupts, saves, and reloads it."""

import json
import re
import shutil

import nbformat
import pytest

from tests.website.browser.conftest import REPOSITORY, PageErrors
from tests.website.browser.lab import Notebook, jupyter_lab, shut_down_kernels

NAMES = sorted(path.name for path in (REPOSITORY / "notebooks").glob("*.ipynb"))
NEWS = re.compile("/lab/api/(news|update)")
# Indices of cells in deep-rnn.ipynb.
CELLS = json.loads((REPOSITORY / "notebooks" / "deep-rnn.ipynb").read_text())["cells"]
PARAMETERS, TRAINING, LAST = 7, 13, 23
CODE_CELLS = sum(cell["cell_type"] == "code" for cell in CELLS)
SCROLL_TO_EACH = """async all => {
  for (const element of all) {
    element.scrollIntoView();
    await new Promise(requestAnimationFrame);
  }
}"""
# The texts of these elements without code and typeset formulas.
WITHOUT_CODE = """all => all.map(element => {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("code, mjx-container").forEach(part => part.remove());
  return copy.textContent;
})"""
DRAW_OFTEN = "\nfrom d2l_helpers._internal import progress; progress.SHARE_OF_TIME_FOR_DRAWING = 0.1"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def open_notebook(lab, browser):
    """Return a function that opens a notebook of the repository; the page must have no errors."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    errors = PageErrors(page, lab.address)
    # For these requests, JupyterLab's server would contact another host.
    page.on("request", lambda request: NEWS.search(request.url) and errors.append(f"news: {request.url}"))

    def open_notebook(name):
        shutil.copy(REPOSITORY / "notebooks" / name, lab.notebooks)
        notebook = Notebook(page, lab, name)
        notebook.open()
        return notebook

    yield open_notebook
    page.close()
    shut_down_kernels(lab)
    assert errors == []


def epochs_done(notebook):
    """Return the number of epochs in the progress bar, or None if there is no bar."""
    found = re.search(r"(\d+)/\d+ \[", "".join(notebook.outputs(TRAINING)))
    return found and int(found[1])


def reports(notebook):
    """Return the epochs of the reports so far."""
    return [int(epoch) for epoch in re.findall(r"epoch (\d+), perplexity", "".join(notebook.outputs(TRAINING)))]


def set_epochs(notebook, epochs, period):
    for old, new in zip(("3000", "500"), (epochs, period), strict=True):
        notebook.replace_word(PARAMETERS, old, str(new))


def test_a_training_shows_progress_and_can_be_interrupted_and_restarted(open_notebook):
    notebook = open_notebook("deep-rnn.ipynb")
    notebook.screenshot("1-opened")
    set_epochs(notebook, 400, 10)
    notebook.screenshot("2-parameters", PARAMETERS)
    notebook.page.keyboard.press("Control+End")
    notebook.page.keyboard.insert_text(DRAW_OFTEN)  # by default, the curve is drawn rarely
    notebook.menu("Run", "Run All Cells")

    notebook.wait_until(lambda: epochs_done(notebook))
    before = epochs_done(notebook)
    notebook.wait_until(lambda: epochs_done(notebook) > before)
    notebook.wait_until(lambda: notebook.figures(TRAINING))
    curve = notebook.figures(TRAINING)
    notebook.screenshot("3-the-bar-moves", TRAINING)
    notebook.wait_until(lambda: notebook.figures(TRAINING) != curve)
    assert len(notebook.figures(TRAINING)) == 1
    notebook.wait_until(lambda: reports(notebook))
    first = reports(notebook)
    notebook.wait_until(lambda: len(reports(notebook)) > len(first))
    later = reports(notebook)
    assert later == [10 * number for number in range(1, len(later) + 1)]
    assert len(later) < 40
    notebook.screenshot("4-the-curve-grows", TRAINING)

    notebook.toolbar("Interrupt the kernel")
    notebook.wait_until(lambda: notebook.kernel_status() == "idle")
    notebook.screenshot("5-stopped", TRAINING)
    assert epochs_done(notebook) is None
    stopped = r"Stopped after epoch (\d+)\. Run the cell again to start over\."
    assert int(re.fullmatch(stopped, notebook.outputs(TRAINING)[-1].strip())[1]) >= later[-1]
    new = notebook.insert_below(LAST, "1 + 1")
    notebook.wait_until(lambda: notebook.outputs(new) == ["2"])
    notebook.screenshot("6-usable", new)
    assert notebook.page.get_by_text("Jupyter news").count() == 0  # a dialog that every student would see

    notebook.menu("Run", "Run All Cells")
    notebook.wait_until(lambda: epochs_done(notebook) in range(1, 10))
    assert reports(notebook) == []


def test_a_completed_run_is_saved_and_opened_again(open_notebook):
    notebook = open_notebook("deep-rnn.ipynb")
    set_epochs(notebook, 6, 3)
    notebook.menu("Run", "Run All Cells")
    all_have_run = [f"[{number}]:" for number in range(1, CODE_CELLS + 1)]
    notebook.wait_until(lambda: notebook.prompts() == all_have_run and reports(notebook) == [3, 6])
    assert epochs_done(notebook) is None
    notebook.screenshot("7-trained", TRAINING)

    notebook.menu("File", "Save Notebook")
    notebook.wait_until(lambda: "epoch 6, perplexity" in notebook.path.read_text())
    notebook.menu("File", "Close and Shut Down Notebook…")
    notebook.page.locator(".jp-Dialog button.jp-mod-accept").click()
    notebook.wait_until(lambda: notebook.cells.count() == 0)
    stored = nbformat.read(notebook.path, as_version=4)
    nbformat.validate(stored)
    assert "epoch/s" not in str(stored) and "s/epoch" not in str(stored)  # noqa: PT018

    notebook.open()
    assert notebook.prompts() == all_have_run
    assert reports(notebook) == [3, 6]
    notebook.screenshot("8-opened-again", TRAINING)
    assert len(notebook.figures(TRAINING)) == 1


def test_after_a_reload_during_training_the_saved_output_is_shown_and_the_cell_keeps_running(open_notebook):
    notebook = open_notebook("deep-rnn.ipynb")
    set_epochs(notebook, 40, 5)
    notebook.menu("Run", "Run All Cells")
    notebook.wait_until(lambda: reports(notebook) == [5])
    notebook.menu("File", "Save Notebook")
    notebook.wait_until(lambda: "epoch 5, perplexity" in notebook.path.read_text())
    notebook.page.on("dialog", lambda dialog: dialog.accept())  # JupyterLab warns about unsaved changes
    notebook.page.reload()
    notebook.wait_for_all_cells()
    assert notebook.kernel_status() in ("unknown", "busy")
    assert notebook.page.locator(".jp-Dialog").count() == 0
    # JupyterLab no longer knows which cell is running, so this page does not receive new reports.
    assert epochs_done(notebook) in range(5, 40)
    assert 5 in reports(notebook)
    notebook.screenshot("9-reloaded", TRAINING)
    notebook.wait_until(lambda: notebook.kernel_status() == "idle")
    new = notebook.insert_below(LAST, "print(*history.reports, sep='\\n')")
    notebook.wait_until(lambda: "epoch 40, perplexity" in "".join(notebook.outputs(new)))
    notebook.screenshot("10-all-reports", new)


@pytest.mark.parametrize("name", NAMES)
def test_the_formulas_and_figures_of_every_notebook_are_shown(open_notebook, name):
    notebook = open_notebook(name)
    cells = json.loads(notebook.path.read_text())["cells"]
    notebook.cells.evaluate_all(SCROLL_TO_EACH)  # JupyterLab renders a cell when it becomes visible
    texts = notebook.panel.locator(".jp-RenderedMarkdown")
    notebook.wait_until(lambda: not any("$" in text for text in texts.evaluate_all(WITHOUT_CODE)))
    assert notebook.panel.locator("mjx-merror, [data-mjx-error]").count() == 0
    figures = [output for cell in cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    # JupyterLab 4.6 ignores the alt text in the metadata of these figures.
    notebook.wait_until(lambda: notebook.panel.locator(".jp-RenderedImage img").count() == len(figures))
    first = next(number for number, cell in enumerate(cells) if "image/png" in str(cell.get("outputs")))
    notebook.screenshot(f"rendered-{name.removesuffix('.ipynb')}", first)
