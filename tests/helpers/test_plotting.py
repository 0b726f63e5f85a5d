"""Pictures show what they were given, say what is on their axes, and describe themselves."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402

import d2l_helpers as d2l  # noqa: E402

TEXT = "the time machine"
STATES = np.random.default_rng(1).uniform(-1, 1, (len(TEXT), 5))
SURPRISE = np.linspace(0, 3, len(TEXT))
PICTURES = {
    "perplexity": lambda: d2l.show_perplexity([20.0, 5.0, 1.5]),
    "runs": lambda: d2l.show_runs({"one": [20.0, 5.0], "two": [19.0, 4.0]}),
    "hidden states": lambda: d2l.show_hidden_states(STATES, TEXT),
    "gates": lambda: d2l.show_gates({"input": abs(STATES), "forget": abs(STATES)}, TEXT)[0],
    "surprise": lambda: d2l.show_surprisal(SURPRISE, TEXT),
}
EVERY_PICTURE = pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def alt(axes):
    _, metadata = axes.figure._repr_mimebundle_()
    return metadata["image/png"]["alt"]


@EVERY_PICTURE
def test_axes_have_labels_and_a_title(draw):
    axes = draw()
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    assert axes.get_title()


@EVERY_PICTURE
def test_the_figure_describes_itself(draw):
    assert len(alt(draw())) > 40


def test_the_network_describes_itself():
    assert "2 recurrent layers, unrolled over 3 time steps" in alt(d2l.show_network(2, 3))


def test_the_network_has_a_box_for_every_layer_and_step_and_an_arrow_for_every_term_of_the_equations():
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


def test_runs_can_be_told_apart_without_colours():
    axes = d2l.show_runs({str(i): [3.0, 2.0] for i in range(8)})
    styles = {(line.get_linestyle(), line.get_color()) for line in axes.lines}
    assert len(styles) == 8
    assert all(float(colour) <= 0.6 for _, colour in styles)
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


def test_the_greatest_surprise_is_named():
    assert d2l.show_surprisal(SURPRISE, TEXT).get_title() == "The greatest surprise is 'e', 3 nats"


def test_it_draws_where_it_is_told_to():
    _, (left, right) = plt.subplots(1, 2)
    assert d2l.show_perplexity([2.0, 1.0], axes=left) is left
    assert d2l.show_hidden_states(STATES, TEXT, axes=right) is right


@pytest.mark.parametrize(
    "draw",
    [
        lambda: d2l.show_hidden_states(STATES[1:], TEXT),
        lambda: d2l.show_gates({"input": STATES[1:]}, TEXT),
        lambda: d2l.show_surprisal(SURPRISE[1:], TEXT),
    ],
)
def test_other_lengths_are_refused_in_one_sentence(draw):
    with pytest.raises(ValueError, match="has 15 time steps but text has 16 characters") as error:
        draw()
    assert "\n" not in str(error.value)
