"""What the look at the notebooks' pictures finds, and that ours pass it."""

import matplotlib
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402

import d2l_helpers as d2l  # noqa: E402
from tests.helpers.test_plotting import PICTURES  # noqa: E402
from tests.plugins.figure_accessibility import EYES, faults  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def two_lines(one, another, *dashes):
    axes = plt.figure().add_subplot()
    axes.plot([0, 1], dashes[0] if dashes else "-", color=one)
    axes.plot([1, 0], dashes[1] if dashes else "-", color=another)
    return axes.figure


@pytest.mark.parametrize(
    ("one", "another", "eyes"),
    [
        ("#d55e00", "#859900", "deuteranomaly eyes"),
        ("tab:purple", "tab:blue", "protanomaly eyes"),
        ("0.5", "tab:orange", "a grey printer"),
        ("black", "0.1", "normal sight"),
    ],
)
def test_lines_that_somebody_cannot_tell_apart_are_found(one, another, eyes):
    assert any(
        fault.endswith(f"the same to {eyes}: give them other dashes") for fault in faults(two_lines(one, another))
    )


@pytest.mark.parametrize("dashes", [("-", "--"), ("-", "o")])
def test_dashes_or_markers_tell_any_two_lines_apart(dashes):
    assert list(faults(two_lines("0.5", "tab:orange", *dashes))) == []


def test_black_and_a_light_colour_are_told_apart_by_all():
    assert list(faults(two_lines("black", "#8fb8de"))) == []
    assert len(EYES) == 5


def test_small_text_and_wide_pictures_are_found():
    axes = plt.figure(figsize=(12, 3)).add_subplot()
    axes.set_xlabel("epoch", size=7)
    assert list(faults(axes.figure)) == [
        "the text 'epoch' has 7 points: give it at least 9",
        "the picture is 12 inches wide: JupyterLab shrinks what is wider than 10.5",
    ]


@pytest.mark.parametrize("draw", [*PICTURES.values(), lambda: d2l.show_network(3)], ids=[*PICTURES, "network"])
def test_our_own_pictures_can_be_read_by_all(draw):
    assert list(faults(draw().figure)) == []


def test_eight_runs_in_one_picture_can_be_told_apart():
    assert list(faults(d2l.show_runs({f"run {i}": [20.0, 5.0 + i] for i in range(8)}).figure)) == []
