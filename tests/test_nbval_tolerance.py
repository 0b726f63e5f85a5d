"""The comparison itself: each sample notebook is named for the verdict that it has to get."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.nbval_tolerance import BOOK, agrees, history_after, longest_shared_piece, reports_until

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.ipynb"))


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Sample name -> "pass" or "fail", all from one run of pytest over the samples."""
    results = tmp_path_factory.mktemp("samples") / "results.xml"
    subprocess.run([sys.executable, "-m", "pytest", "-q", f"--junitxml={results}", *SAMPLES], capture_output=True)
    cases = ElementTree.parse(results).iter("testcase")
    return {sample_name(case): "fail" if len(case) else "pass" for case in cases}


def sample_name(case):
    return case.get("classname").removesuffix(".ipynb").rpartition(".")[2]


@pytest.mark.parametrize("sample", [path.stem for path in SAMPLES])
def test_sample_gets_the_verdict_in_its_name(sample, verdicts):
    assert verdicts[sample] == sample.partition("-")[0]


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


def test_spacing_in_a_table_is_no_difference():
    assert agrees("mean   9.99 nats", "mean  10.01 nats", rtol=0.01)


def test_a_sign_counts():
    assert not agrees("slope -0.50", "slope 0.50", rtol=0.1)


def test_longest_shared_piece():
    assert longest_shared_piece(BOOK[100:150]) == 50
    assert longest_shared_piece("zzz" + BOOK[100:120] + "qqq") == 20
