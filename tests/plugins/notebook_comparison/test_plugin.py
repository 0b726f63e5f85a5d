"""Each sample notebook gets the verdict in its name, and wrong settings are refused in words."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from . import settings
from .compare import lines_agree, reconciled
from .run_samples import verdicts

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.ipynb"))


@pytest.fixture(scope="module")
def of_samples(tmp_path_factory):
    return verdicts(SAMPLES, tmp_path_factory.mktemp("samples"))


@pytest.mark.parametrize("sample", [path.stem for path in SAMPLES])
def test_sample_gets_the_verdict_in_its_name(sample, of_samples):
    assert of_samples[sample] == sample.partition("-")[0]


def test_both_verdicts_have_samples():
    assert {path.stem.partition("-")[0] for path in SAMPLES} == {"pass", "fail"}


def test_full_training_leaves_the_parameters_as_they_are(tmp_path):
    names = ["pass-parameter-replaced", "fail-no-parameter-replaced"]
    samples = [path for path in SAMPLES if path.stem in names]
    assert verdicts(samples, tmp_path, "--full-training") == dict.fromkeys(names, "fail")


@pytest.mark.parametrize(
    "stored, new, own",
    [
        ("mean   9.99 nats", "mean  10.01 nats", {"rtol": 0.01}),
        ("took 3 s, 0.27 sec per epoch", "took 12.5 s, 1.9 sec per epoch", {}),
        ("loss 2.5e-07", "loss 3.1e-06", {"atol": 1e-5}),
        ("loss 0.0", "loss 1e-07", {"atol": 1e-5}),
        ("30,699 weights", "30,701 weights", {"int_atol": 2}),
        ("2 of 5 within 90", "2 of 6 within 90", {"per_line": {"of": {"int_atol": 1}}}),
    ],
)
def test_these_lines_agree(stored, new, own):
    assert lines_agree(stored, new, own)


@pytest.mark.parametrize(
    "stored, new, own",
    [
        ("slope -0.50", "slope 0.50", {"rtol": 0.1}),
        ("slope -2", "slope 2", {"int_atol": 3}),
        ("d2l 1.0.3", "d2l 1.0.4", {"rtol": 1, "int_atol": 9}),
        ("norm 0.5", "norm nan", {"rtol": 1}),
        ("norm 0.5", "norm", {"rtol": 1}),
        ("600x350", "601x350", {"int_atol": 9}),
        ("first 3", "first 4", {"int_atol": 1, "per_line": {"first": {"int_atol": 0}}}),
        ("took 3 s", "took 4 s", {"exact": ["took.*"]}),
    ],
)
def test_these_lines_do_not_agree(stored, new, own):
    assert not lines_agree(stored, new, own)


def test_the_example_in_the_readme_is_true():
    readme = (Path(__file__).parent / "README.md").read_text()
    example, lines = re.search(r"```json\n(.*?)```.*?```\n(3 layers.*?)```", readme, re.DOTALL).groups()
    own = json.loads("{" + example + "}")["comparison"]
    stored, agrees, *others = lines.splitlines()
    assert len(others) == 4
    assert lines_agree(stored, agrees, own) and not any(lines_agree(stored, other, own) for other in others)


def test_only_lines_that_disagree_remain_different():
    assert reconciled("a 1.00\nb 2.00\n", "a 1.01\nb 3.00\n", {"rtol": 0.02}) == "a 1.00\nb 3.00\n"


@pytest.mark.parametrize(
    "own, words",
    [
        ({"rtoll": 0.1}, "lesson, Cell 1: the setting 'rtoll' is not known here: choose rtol or atol or"),
        ({"rtol": -1}, "lesson, Cell 1: the setting 'rtol' is -1: give it a number from 0 up."),
        ({"int_atol": 0.5}, "lesson, Cell 1: the setting 'int_atol' is 0.5: give it a whole number from 0 up."),
        ({"int_atol": True}, "lesson, Cell 1: the setting 'int_atol' is True: give it a whole number from 0 up."),
        ({"exact": "sd"}, "lesson, Cell 1: the setting 'exact' is 'sd': give it a list of regular expressions."),
        ({"exact": ["("]}, "lesson, Cell 1: the setting 'exact' is ['(']: give it a list of regular expressions."),
        (
            {"per_line": {"norm": {"exact": []}}},
            "Cell 1, per_line 'norm': the setting 'exact' is not known here",
        ),
        ({"per_line": {"norm": 3}}, "lesson, Cell 1, per_line 'norm': 'comparison' is 3: give it names and values"),
        ({"per_line": {"size": {"rtol": 1}}}, "lesson, Cell 1: the pattern 'size' occurs in no stored line"),
        (
            {"per_line": {"norm": {}, "0.5": {}}},
            "Cell 1: the line 'norm 0.5' contains the patterns norm and 0.5",
        ),
    ],
)
def test_a_wrong_setting_of_a_cell_is_refused_in_words(own, words):
    output = nbformat.v4.new_output("stream", text="norm 0.5\n")
    cell = nbformat.v4.new_code_cell(metadata={"comparison": own}, outputs=[output])
    with pytest.raises(ValueError) as refused:
        settings.of_cell(cell, "lesson, Cell 1")
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize(
    "own, words",
    [
        ({"rtol": 0.1}, "lesson: the setting 'rtol' is not known here: choose parameters."),
        ({"parameters": {"num": 2}}, "lesson: no cell with the tag `parameters` sets 'num'"),
        ({"parameters": 3}, "lesson: the setting 'parameters' is 3: give it names, each with its value."),
    ],
)
def test_a_wrong_setting_of_a_notebook_is_refused_in_words(own, words):
    cell = nbformat.v4.new_code_cell("num_epochs = 3", metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"comparison": own})
    with pytest.raises(ValueError) as refused:
        settings.of_notebook(notebook, "lesson")
    assert str(refused.value).startswith(words)
