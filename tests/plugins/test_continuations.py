"""Test the normalization of continuations: each sample notebook has the outcome in its name."""

from pathlib import Path

import pytest

from tests.plugins.continuations import EXCERPT, has_verbatim_run, remove_later_reports, truncate_history
from tests.plugins.notebook_comparison.run_samples import run_samples

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.ipynb"))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return run_samples(SAMPLES, tmp_path_factory.mktemp("samples"))


@pytest.mark.parametrize("sample", [path.stem for path in SAMPLES])
def test_sample_has_the_outcome_in_its_name(sample, outcomes):
    assert outcomes[sample] == sample.partition("-")[0]


def test_both_outcomes_have_samples():
    assert {path.stem.partition("-")[0] for path in SAMPLES} == {"pass", "fail"}


def test_later_reports_are_removed():
    first = "epoch 500, perplexity 1.03, time 0.1 sec\n - traveller\n"
    assert remove_later_reports(first + first.replace("500", "1000"), 500) == first


def test_a_truncated_history_ends_at_its_last_report():
    history = "History: 3000 epochs, perplexity 1.008303 at the end, 0.27 sec per epoch"
    assert truncate_history(history, "500", "1.013340") == (
        "History: 500 epochs, perplexity 1.013340 at the end, 0.27 sec per epoch"
    )
    assert truncate_history("43 characters", "500", "1.013340") == "43 characters"


def test_a_verbatim_run_has_at_least_the_given_length():
    text = "zzz" + EXCERPT[100:120] + "qqq"
    assert has_verbatim_run(text, 20)
    assert not has_verbatim_run(text, 21)
