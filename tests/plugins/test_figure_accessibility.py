"""Test the accessibility checks, and apply them to the package's figures."""

import matplotlib
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402

import d2l_helpers as d2l  # noqa: E402
from tests.helpers.test_plotting import FIGURES  # noqa: E402
from tests.plugins.figure_accessibility import VISION, problems  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def two_lines(color, other_color, style="-", other_style="-"):
    axes = plt.figure().add_subplot()
    axes.plot([0, 1], style, color=color)
    axes.plot([1, 0], other_style, color=other_color)
    return axes.figure


@pytest.mark.parametrize(
    ("color", "other_color", "vision"),
    [
        ("#d55e00", "#859900", "deuteranomaly"),
        ("tab:purple", "tab:blue", "protanomaly"),
        ("0.5", "tab:orange", "grayscale printing"),
        ("black", "0.1", "normal vision"),
    ],
)
def test_lines_that_look_the_same_are_found(color, other_color, vision):
    message = f"look the same with {vision}; use different dashes."
    assert any(problem.endswith(message) for problem in problems(two_lines(color, other_color)))


@pytest.mark.parametrize("styles", [("-", "--"), ("-", "o")])
def test_dashes_or_markers_distinguish_lines(styles):
    assert list(problems(two_lines("0.5", "tab:orange", *styles))) == []


def test_black_and_a_light_color_can_be_distinguished():
    assert list(problems(two_lines("black", "#8fb8de"))) == []
    assert len(VISION) == 5


def test_small_text_and_wide_figures_are_found():
    axes = plt.figure(figsize=(12, 3)).add_subplot()
    axes.set_xlabel("epoch", size=7)
    assert list(problems(axes.figure)) == [
        "font size of 'epoch' must be at least 9 points, got 7.",
        "figure width must be at most 10.5 inches, got 12.",
    ]


@pytest.mark.parametrize("draw", [*FIGURES.values(), lambda: d2l.show_network(3)], ids=[*FIGURES, "network"])
def test_figures_of_the_package_are_accessible(draw):
    assert list(problems(draw().figure)) == []


def test_eight_runs_in_one_figure_can_be_distinguished():
    assert list(problems(d2l.show_runs({f"run {i}": [20.0, 5.0 + i] for i in range(8)}).figure)) == []
