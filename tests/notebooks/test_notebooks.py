"""Test the form of the stored notebooks. nbval executes them and compares their outputs."""

import ast
import getpass
import re
from pathlib import Path

import nbformat
import pytest
import yaml

from tests.plugins.continuations import EXCERPT

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "solutions").glob("*.ipynb"))


def each(paths):
    """Return a decorator that runs a test on each of these notebooks."""
    names = [f"{path.parent.name}-{path.stem}" for path in paths]
    return pytest.mark.parametrize("notebook", [nbformat.read(path, 4) for path in paths], ids=names)


NOTEBOOKS, ALL = each(PATHS), each([*PATHS, *SOLUTIONS])
READING_ORDER = list(yaml.safe_load((ROOT / "notebooks" / "index.yml").read_text(encoding="utf-8")))

# The code cells of the original notebook, with the one import that was changed.
ORIGINAL_CODE = [
    """import sys
sys.path.insert(0, '..')

import d2l_helpers as d2l
from mxnet import nd
from mxnet.gluon import rnn

(corpus_indices, char_to_idx, idx_to_char, vocab_size) = d2l.load_data_time_machine()""",
    """num_inputs, num_hiddens, num_layers, num_outputs = vocab_size, 256, 2, vocab_size
ctx = d2l.try_gpu()
num_epochs, num_steps, batch_size, lr, clipping_theta = 3000, 35, 32, 100, 1e-2
pred_period, pred_len, prefixes = 500, 50, ['traveller', 'time traveller']""",
    """lstm_layer = rnn.LSTM(hidden_size = num_hiddens, num_layers=num_layers)
model = d2l.RNNModel(lstm_layer, vocab_size)
d2l.train_and_predict_rnn_gluon(model, num_hiddens, vocab_size, ctx,
                               corpus_indices, idx_to_char, char_to_idx,
                               num_epochs, num_steps, lr, clipping_theta,
                               batch_size, pred_period, pred_len, prefixes)""",
]
ORIGINAL_EQUATIONS = [
    r"$$\mathbf{H}_t^{(1)} = f_1(\mathbf{x}_t, \mathbf{H}_{t-1}^{(1)})$$",
    r"$$\mathbf{H}_t^{(l)} = f_l(\mathbf{H}_t^{(l-1)}, \mathbf{H}_{t-1}^{(l)})$$",
    r"$$\mathbf{O}_t = g(\mathbf{H}_t^{(L)})$$",
]


@pytest.fixture(scope="module")
def deep_rnn():
    return nbformat.read(ROOT / "notebooks" / "deep-rnn.ipynb", 4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


@ALL
def test_stored_outputs_are_from_one_run_from_top_to_bottom(notebook):
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


@ALL
def test_kernel_is_python3(notebook):
    assert notebook.metadata.kernelspec.name == "python3"


@ALL
def test_outputs_are_clean(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text
            assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})


@ALL
def test_printed_text_is_one_output(notebook):
    for cell in code_cells(notebook):
        names = [output.name for output in cell.outputs if output.output_type == "stream"]
        assert len(names) == len(set(names)), cell.source


@ALL
def test_no_variable_only_suppresses_an_output(notebook):
    assert not any(re.search(r"^\s*_ = ", cell.source, re.MULTILINE) for cell in code_cells(notebook))
    trees = [ast.parse(cell.source) for cell in code_cells(notebook)]
    for number, tree in enumerate(trees):
        end = tree.body[-1]
        if isinstance(end, ast.Assign) and isinstance(end.value, ast.Call):
            assert names(end, ast.Store) & set().union(*(names(later, ast.Load) for later in trees[number + 1 :]))


def names(tree, context):
    """Return the names that the code reads (ast.Load) or assigns (ast.Store)."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


@ALL
def test_no_paths_or_user_names_are_stored(notebook):
    text = "\n".join([cell.source + str(cell.get("outputs", "")) for cell in notebook.cells])
    assert not re.search(r"(?<![\w.<:/])/(?:home|root|Users|tmp|work|usr|opt)/", text)
    assert getpass.getuser() == "root" or getpass.getuser() not in text


@ALL
def test_every_figure_has_alt_text(notebook):
    for cell in code_cells(notebook):
        figures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        for figure in figures:
            alt = figure.metadata.get("image/png", {}).get("alt")
            if alt is None and len(figures) == 1:
                alt = cell.metadata.get("alt")  # for figures that are not from d2l_helpers
            assert alt and len(alt) > 20, cell.source


@ALL
def test_cells_have_at_most_twelve_lines(notebook):
    for cell in code_cells(notebook):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 12, cell.source


@ALL
def test_code_fits_next_to_the_file_browser_of_jupyterlab(notebook):
    original = [line for code in ORIGINAL_CODE for line in code.splitlines()]
    lines = [line for cell in code_cells(notebook) for line in cell.source.splitlines() if line not in original]
    assert [line for line in lines if len(line) > 88] == []


@ALL
def test_only_the_original_cells_change_the_import_path(notebook):
    paths = [cell.source for cell in code_cells(notebook) if "sys.path" in cell.source]
    assert all(source in ORIGINAL_CODE for source in paths)


@NOTEBOOKS
def test_it_states_its_duration_and_ends_with_exercises_and_references(notebook):
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert re.search(r"(minute|hour|second).*two CPU cores", "\n".join(texts[:3]), re.DOTALL)
    assert "Check yourself" in "\n".join(texts)
    assert "What to take away" in "\n".join(texts[-4:])
    assert "Exercises" in texts[-2]
    assert "References" in texts[-1]


@pytest.mark.parametrize("position", range(len(READING_ORDER)), ids=READING_ORDER)
def test_each_notebook_links_to_the_previous_and_the_next(position):
    path = ROOT / "notebooks" / f"{READING_ORDER[position]}.ipynb"
    texts = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"]
    neighbors = READING_ORDER[max(position - 1, 0) : position] + READING_ORDER[position + 1 : position + 2]
    first = "\n".join(texts[:2])
    assert f"*Notebook {position + 1} of {len(READING_ORDER)}. " in first
    for text in (first, texts[-1]):
        assert [name for name in neighbors if f"({name}.ipynb)" not in text] == []


def test_the_reading_order_contains_every_notebook():
    assert sorted(READING_ORDER) == sorted(path.stem for path in PATHS)


def test_each_solution_belongs_to_a_notebook():
    assert {path.name for path in SOLUTIONS} <= {path.name for path in PATHS}


def test_the_original_code_cells_are_unchanged(deep_rnn):
    sources = [cell.source for cell in code_cells(deep_rnn)]
    assert [source for source in sources if source in ORIGINAL_CODE] == ORIGINAL_CODE
    assert all(source.startswith("# Added") for source in sources if source not in ORIGINAL_CODE)


def test_the_original_text_and_equations_are_in_order(deep_rnn):
    text = "\n".join(cell.source for cell in deep_rnn.cells if cell.cell_type == "markdown")
    parts = ["# Deep Recurrent Neural Networks", "Hidden state update", *ORIGINAL_EQUATIONS[:2], "Output update",
             ORIGINAL_EQUATIONS[2], "Same parameters as before for training.", "### Training"]  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_the_title_and_the_training_start_slides(deep_rnn):
    slides = [cell.source for cell in deep_rnn.cells if cell.metadata.get("slideshow", {}).get("slide_type") == "slide"]
    assert slides == ["# Deep Recurrent Neural Networks", "### Training"]


def test_the_outputs_contain_the_six_reports_of_a_full_training(deep_rnn):
    numbers = ast.literal_eval(re.search(r"= (3000.*)", ORIGINAL_CODE[1])[1])
    report = r"epoch (\d+), perplexity (\d+\.\d{6}), time \d+\.\d\d sec\n - traveller.{50}\n - time traveller.{50}\n"
    (training,) = (cell for cell in code_cells(deep_rnn) if cell.source == ORIGINAL_CODE[2])
    text = printed(training)
    assert re.fullmatch(f"(?:{report}){{6}}", text)
    reports = re.findall(report, text)
    assert [int(epoch) for epoch, _ in reports] == list(range(500, numbers[0] + 1, 500))
    assert float(reports[-1][1]) <= 1.02


def test_the_last_continuations_are_in_the_excerpt(deep_rnn):
    (training,) = (cell for cell in code_cells(deep_rnn) if cell.source == ORIGINAL_CODE[2])
    continuations = [line[3:] for line in printed(training).splitlines() if line.startswith(" - ")]
    assert all(text in EXCERPT for text in continuations[-2:])
