"""Test that each sample notebook has the outcome in its name, and that invalid settings raise errors."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from . import settings
from .compare import align, lines_agree, split_lines
from .grammar import TOKEN
from .run_samples import run_samples

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.ipynb"))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return run_samples(SAMPLES, tmp_path_factory.mktemp("samples"))


@pytest.mark.parametrize("sample", [path.stem for path in SAMPLES])
def test_sample_has_the_outcome_in_its_name(sample, outcomes):
    assert outcomes[sample] == sample.partition("-")[0]


def test_both_outcomes_have_samples():
    assert {path.stem.partition("-")[0] for path in SAMPLES} == {"pass", "fail"}


def test_full_training_does_not_replace_parameters(tmp_path):
    names = ["pass-parameter-replaced", "fail-parameter-not-replaced"]
    samples = [path for path in SAMPLES if path.stem in names]
    assert run_samples(samples, tmp_path, "--full-training") == dict.fromkeys(names, "fail")


@pytest.mark.parametrize(
    "stored, new, comparison",
    [
        ("mean   9.99 nats", "mean  10.01 nats", {"rtol": 0.01}),
        ("took 3 s, 0.27 sec per epoch", "took 12.5 s, 1.9 sec per epoch", {}),
        ("loss 2.5e-07", "loss 3.1e-06", {"atol": 1e-5}),
        ("loss 0.0", "loss 1e-07", {"atol": 1e-5}),
        ("30,699 weights", "30,701 weights", {"int_atol": 2}),
        ("2 of 5 within 90", "2 of 6 within 90", {"per_line": {"of": {"int_atol": 1}}}),
        ("[1. 2.]", "[0.99999994 2.]", {"rtol": 0.05}),
        ("1E-05", "9.8E-06", {"rtol": 0.05}),
        ("lr=.5", "lr=.51", {"rtol": 0.05}),
        ("took 12.3 seconds", "took 22.9 seconds", {}),
    ],
)
def test_lines_agree(stored, new, comparison):
    assert lines_agree(stored, new, comparison)


@pytest.mark.parametrize(
    "stored, new, comparison",
    [
        ("slope -0.50", "slope 0.50", {"rtol": 0.1}),
        ("slope -2", "slope 2", {"int_atol": 3}),
        ("d2l 1.0.3", "d2l 1.0.4", {"rtol": 1, "int_atol": 9}),
        ("norm 0.5", "norm nan", {"rtol": 1}),
        ("norm 0.5", "norm", {"rtol": 1}),
        ("600x350", "601x350", {"int_atol": 9}),
        ("first 3", "first 4", {"int_atol": 1, "per_line": {"first": {"int_atol": 0}}}),
        ("took 3 s", "took 4 s", {"exact": ["took.*"]}),
        ("[1. 2.]", "[0.9 2.]", {"rtol": 0.05}),
        ("1E-05", "9E-06", {"rtol": 0.05}),
        ("lr=.5", "lr=.6", {"rtol": 0.05}),
        ("took 12.3 seconds", "took 12.3 steps", {}),
        ("max 5 min 3", "max 6 min 3", {"rtol": 0.5}),
        ("in epoch 5.", "in epoch 6.", {"rtol": 0.5}),
    ],
)
def test_lines_do_not_agree(stored, new, comparison):
    assert not lines_agree(stored, new, comparison)


def test_the_example_in_the_readme_is_correct():
    readme = (Path(__file__).parent / "README.md").read_text()
    example, lines = re.search(r"```json\n(.*?)```.*?```\n(3 layers.*?)```", readme, re.DOTALL).groups()
    comparison = json.loads("{" + example + "}")["comparison"]
    stored, agrees, *others = lines.splitlines()
    assert len(others) == 4
    assert lines_agree(stored, agrees, comparison)
    assert not any(lines_agree(stored, other, comparison) for other in others)


def test_only_lines_that_disagree_remain_different():
    assert align("a 1.00\nb 2.00\n", "a 1.01\nb 3.00\n", {"rtol": 0.02}) == "a 1.00\nb 3.00\n"


@pytest.mark.parametrize(
    "comparison, message",
    [
        ({"rtoll": 0.1}, ": setting 'rtoll' is unknown; use one of rtol, atol, int_atol, exact, per_line."),
        ({"rtol": -1}, ": rtol must be a nonnegative number, got -1; for example, 0.01."),
        ({"int_atol": 0.5}, ": int_atol must be a nonnegative integer, got 0.5; for example, 2."),
        ({"int_atol": True}, ": int_atol must be a nonnegative integer, got True; for example, 2."),
        ({"exact": "sd"}, ": exact must be a list of regular expressions, got 'sd'; for example,"),
        ({"exact": ["("]}, ": exact must be a list of regular expressions, got ['(']; for example,"),
        ({"per_line": {"norm": {"exact": []}}}, ", per_line 'norm': setting 'exact' is unknown; use one of"),
        ({"per_line": {"norm": 3}}, ", per_line 'norm': comparison must be an object, got 3; use the keys rtol,"),
        ({"per_line": {"size": {"rtol": 1}}}, ": no stored line matches the pattern 'size'; correct or remove it."),
        (
            {"per_line": {"norm": {}, "0.5": {}}},
            ": line 'norm 0.5' matches 'norm' and '0.5' in per_line; make only one of them match.",
        ),
    ],
)
def test_an_invalid_setting_of_a_cell_raises_an_error(comparison, message):
    output = nbformat.v4.new_output("stream", text="norm 0.5\n")
    cell = nbformat.v4.new_code_cell(metadata={"comparison": comparison}, outputs=[output])
    with pytest.raises(ValueError) as caught:
        settings.cell_settings(cell, "lesson, Cell 1")
    assert str(caught.value).startswith("lesson, Cell 1" + message)


@pytest.mark.parametrize(
    "comparison, message",
    [
        ({"rtol": 0.1}, "lesson: setting 'rtol' is unknown; use one of parameters."),
        ({"parameters": {"num": 2}}, "lesson: no cell with the tag `parameters` sets 'num'; correct the name or"),
        ({"parameters": 3}, "lesson: parameters must be an object that maps names to values, got 3; for example,"),
    ],
)
def test_an_invalid_setting_of_a_notebook_raises_an_error(comparison, message):
    cell = nbformat.v4.new_code_cell("num_epochs = 3", metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"comparison": comparison})
    with pytest.raises(ValueError) as caught:
        settings.notebook_parameters(notebook, "lesson")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "text, number_of_lines",
    [
        ("[1. 2.\n 3.]\n[4.]\n", 2),
        ("array([[1.],\n\n       [2.]],\n      dtype=float32)\n", 1),
        ("{'a': 1,\n 'b': 2}\n", 1),
        ("loss (nats\nepoch 2\n", 2),
        ("epoch 1\n  epoch 2\n", 2),
    ],
)
def test_a_printed_array_is_one_line(text, number_of_lines):
    lines = split_lines(text)
    assert len(lines) == number_of_lines
    assert "".join(lines) == text


README_ROWS = re.findall(r"^\| ([\w ]+).* \| (.*) \| .* \|$", (Path(__file__).parent / "README.md").read_text(), re.M)
KINDS = {
    "decimal number": {"decimal"}, "complex number": {"decimal"}, "integer": {"integer"}, "duration": {"duration"},
    "rate": {"duration"}, "digits next to Latin": set(), "version": set(), "date": {"exact"},
}  # fmt: skip


@pytest.mark.parametrize(
    "kinds, example",
    [(KINDS[row], text) for row, examples in README_ROWS if row in KINDS for text in re.findall("`([^`]+)`", examples)],
)
def test_the_kinds_in_the_readme_are_correct(kinds, example):
    assert {match.lastgroup for match in TOKEN.finditer(example)} - {"word"} == kinds
