"""Figures show their data, have labels and titles, and have alt text."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402

import d2l_helpers as d2l  # noqa: E402

TEXT = "the time machine"
STATES = np.random.default_rng(1).uniform(-1, 1, (len(TEXT), 5))
SURPRISAL = np.linspace(0, 3, len(TEXT))
FIGURES = {
    "perplexity": lambda: d2l.show_perplexity([20.0, 5.0, 1.5]),
    "runs": lambda: d2l.show_runs({"one": [20.0, 5.0], "two": [19.0, 4.0]}),
    "hidden states": lambda: d2l.show_hidden_states(STATES, TEXT),
    "gates": lambda: d2l.show_gates({"input": abs(STATES), "forget": abs(STATES)}, TEXT)[0],
    "surprisal": lambda: d2l.show_surprisal(SURPRISAL, TEXT),
}
EVERY_FIGURE = pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def alt(axes):
    _, metadata = axes.figure._repr_mimebundle_()
    return metadata["image/png"]["alt"]


@EVERY_FIGURE
def test_axes_have_labels_and_a_title(draw):
    axes = draw()
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    assert axes.get_title()


@EVERY_FIGURE
def test_a_figure_has_alt_text(draw):
    assert len(alt(draw())) > 40


def test_the_diagram_has_alt_text():
    assert "2 recurrent layers, unrolled over 3 time steps" in alt(d2l.show_network(2, 3))


def test_the_diagram_has_a_box_for_every_layer_and_step_and_an_arrow_for_every_term_of_the_equations():
    axes = d2l.show_network(2, 3)
    boxes = [text for text in axes.texts if text.get_bbox_patch() is not None and text.get_text()]
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(boxes) == (2 + 2) * 3
    assert len(arrows) == (2 + 1) * 3 + 2 * 3  # upwards: into each layer and the output; to the right: each layer


def test_a_history_and_a_list_draw_the_same_curve():
    history = d2l.History()
    for perplexity in (20.0, 5.0, 1.5):
        history.append(perplexity, 0.1)
    (line,) = d2l.show_perplexity(history).lines
    assert list(line.get_xdata()) == [1, 2, 3]
    assert list(line.get_ydata()) == [20.0, 5.0, 1.5]


def test_runs_are_distinguishable_in_grayscale():
    axes = d2l.show_runs({str(i): [3.0, 2.0] for i in range(8)})
    styles = {(line.get_linestyle(), line.get_color()) for line in axes.lines}
    assert len(styles) == 8
    assert all(float(color) <= 0.6 for _, color in styles)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [str(i) for i in range(8)]


def test_a_heat_map_has_time_across_and_units_down():
    axes = d2l.show_hidden_states(STATES, TEXT)
    (image,) = axes.images
    assert np.array_equal(np.asarray(image.get_array()), STATES.T)
    assert [label.get_text() for label in axes.get_xticklabels()] == list(TEXT.replace(" ", "\u2423"))


def test_there_is_a_heat_map_for_every_gate():
    assert [axes.get_title() for axes in d2l.show_gates({"input": abs(STATES), "forget": abs(STATES)}, TEXT)] == [
        "input",
        "forget",
    ]


def test_the_title_names_the_highest_surprisal():
    assert d2l.show_surprisal(SURPRISAL, TEXT).get_title() == "Highest surprisal: 'e', 3 nats"


def test_figures_can_be_drawn_into_given_axes():
    _, (left, right) = plt.subplots(1, 2)
    assert d2l.show_perplexity([2.0, 1.0], axes=left) is left
    assert d2l.show_hidden_states(STATES, TEXT, axes=right) is right


@pytest.mark.parametrize(
    "draw",
    [
        lambda: d2l.show_hidden_states(STATES[1:], TEXT),
        lambda: d2l.show_gates({"input": STATES[1:]}, TEXT),
        lambda: d2l.show_surprisal(SURPRISAL[1:], TEXT),
    ],
)
def test_a_different_length_raises_one_sentence(draw):
    with pytest.raises(ValueError, match="must have 16 time steps, got 15;") as error:
        draw()
    assert "\n" not in str(error.value)
