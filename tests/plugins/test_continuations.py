"""This book's rule: each sample notebook is named for the verdict that it has to get."""

from pathlib import Path

import pytest

from tests.plugins.continuations import BOOK, history_after, reports_until, shares_piece
from tests.plugins.notebook_comparison.run_samples import verdicts

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.ipynb"))


@pytest.fixture(scope="module")
def of_samples(tmp_path_factory):
    return verdicts(SAMPLES, tmp_path_factory.mktemp("samples"))


@pytest.mark.parametrize("sample", [path.stem for path in SAMPLES])
def test_sample_gets_the_verdict_in_its_name(sample, of_samples):
    assert of_samples[sample] == sample.partition("-")[0]


def test_both_verdicts_have_samples():
    assert {path.stem.partition("-")[0] for path in SAMPLES} == {"pass", "fail"}


def test_later_reports_are_left_out():
    first = "epoch 500, perplexity 1.03, time 0.1 sec\n - traveller\n"
    assert reports_until(first + first.replace("500", "1000"), 500) == first


def test_a_shorter_run_ends_where_its_last_report_says():
    whole = "History: 3000 epochs, perplexity 1.008303 at the end, 0.27 sec per epoch"
    assert history_after(whole, "500", "1.013340") == (
        "History: 500 epochs, perplexity 1.013340 at the end, 0.27 sec per epoch"
    )
    assert history_after("43 characters", "500", "1.013340") == "43 characters"


def test_a_piece_counts_from_its_length_on():
    made_up = "zzz" + BOOK[100:120] + "qqq"
    assert shares_piece(made_up, 20)
    assert not shares_piece(made_up, 21)
