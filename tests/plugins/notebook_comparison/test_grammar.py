"""Test the comparison on printed numbers and durations of all kinds: property-based tests with hypothesis.

`HYPOTHESIS_PROFILE=thorough` runs many examples with a random seed.
"""

import io
import math
import os
from datetime import timedelta
from decimal import Decimal

import hypothesis.strategies as st
import matplotlib.pyplot as plt
import mxnet as mx
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from IPython.core.magics.execution import TimeitResult, _format_time
from IPython.lib.pretty import pretty
from matplotlib.backends.backend_svg import FigureCanvasSVG
from tqdm import tqdm

from .compare import align, lines_agree, normalize_markup
from .grammar import TOKEN

quick = settings(derandomize=True, max_examples=100, deadline=None, database=None)
settings.register_profile("quick", quick)
settings.register_profile(
    "thorough", quick, derandomize=False, max_examples=5_000, suppress_health_check=list(HealthCheck)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

DECIMALS = ["{}", "{:.3f}", "{:+.2f}", "{:,.2f}", "{:_.3f}", "{:.2e}", "{:.3E}", "{:#.4g}"]
DECIMAL_PLACES = [
    "{}", "loss={}", "loss: {}nats", "{}%", "(at {}).", "[{}, 1.0]", "损失{}，", "准确率{}层", "потери: {}", "דיוק {}",
    "Decimal('{}')", "<td>{}</td>", "${}", "±{}", "{}x", "\"{}\"", "a={},b=2", "|{}|", "{} MB", "~{}±0.1",
]  # fmt: skip
INTEGERS = ["{}", "{:,}", "{:_}", "{:+}", "{:d}"]
INTEGER_PLACES = [
    "{}",
    "第{}章",
    "{}层",
    "共{}个",
    "n={}",
    "{}%",
    "{} of 5",
    "Fraction({}, 7)",
    "after {}.",
    "({}, 3)",
    "<td>{}</td>",
]
# What is compared exactly: names, versions, addresses, dates, ids, in which {} is a digit.
TEXTS = [
    "x{}", "H{}O", "float3{}", "层_{}", "β{}=", "d2l-{}a", "1.{}.1", "v1.{}", "10.0.0.{}", "2.{}.0+cpu", "1.{}rc1",
    "2026-11-2{}", "2026-11-28T12:00:0{}", "2026-11-28 12:0{}", "0x7{}", "#{}f77b4", "{}d", "2{}th", "600x35{}",
    "datetime.datetime(2026, 11, 28, {}, 0)", "layers.{}.weight", "{}.npz", "{}.jpg", "0.{}.txt", "3f{}a",
]  # fmt: skip
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9)
COUNTS = st.integers(-(10**9), 10**9)
SECONDS = st.floats(1e-9, 3e5)


def value_of(number):
    return float(number.replace(",", "").replace("_", ""))


@given(
    value=NUMBERS, step=st.floats(-3, 3), number=st.sampled_from(DECIMALS), place=st.sampled_from(DECIMAL_PLACES),
    rtol=st.sampled_from([0, 1e-3, 0.05, 0.3]), atol=st.sampled_from([0, 1e-3, 0.5]),
)  # fmt: skip
def test_decimal_numbers_agree_exactly_if_they_are_within_the_tolerance(value, step, number, place, rtol, atol):
    other = value + step * max(rtol * abs(value), atol)
    numbers = number.format(value), number.format(other)
    assume(not any(text.lstrip("+-").isdecimal() for text in numbers))
    stored, new = map(place.format, numbers)
    within = math.isclose(*map(value_of, numbers), rel_tol=rtol, abs_tol=atol)
    assert lines_agree(stored, new, {"rtol": rtol, "atol": atol}) == within
    assert lines_agree(stored, new, {}) == (value_of(numbers[0]) == value_of(numbers[1]))


@given(COUNTS, st.integers(-9, 9), st.sampled_from(INTEGERS), st.sampled_from(INTEGER_PLACES), st.integers(0, 5))
def test_integers_agree_exactly_if_they_are_within_the_tolerance(value, step, number, place, int_atol):
    stored, new = (place.format(number.format(n)) for n in (value, value + step))
    assert lines_agree(stored, new, {"int_atol": int_atol, "rtol": 0.5}) == (abs(step) <= int_atol)


@given(st.complex_numbers(max_magnitude=1e6), st.complex_numbers(max_magnitude=2), st.sampled_from([0.01, 0.3]))
def test_complex_numbers_agree_exactly_if_they_are_within_the_tolerance(value, step, atol):
    other = value + step * atol
    within = abs(value - other) <= atol
    assert lines_agree(f"z = {value}", f"z = {other}", {"atol": atol}) == within


@pytest.mark.parametrize("place", TEXTS)
@pytest.mark.parametrize("digits", [("1", "2"), ("0", "9")])
def test_names_versions_dates_and_ids_are_compared_exactly(place, digits):
    stored, new = map(place.format, digits)
    assert not lines_agree(stored, new, {"rtol": 0.9, "atol": 9, "int_atol": 9})


@given(st.text())
def test_no_character_is_ignored(text):
    assert "".join("".join(match[0].split()) for match in TOKEN.finditer(text)) == "".join(text.split())


@given(st.text(st.characters(categories=["L"]), min_size=1), st.text(st.characters(categories=["L"]), min_size=1))
def test_other_words_never_agree(word, other):
    assume(word.split() != other.split())
    everything = {"rtol": 0.9, "atol": 9, "int_atol": 9}
    assert not lines_agree(f"{word} 0.5", f"{other} 0.5", everything)
    assert not lines_agree(f"0.5 {word}", f"0.5 {other}", everything)


# Durations, as programs print them


@given(st.lists(SECONDS, min_size=2, max_size=2))
def test_durations_agree(seconds):
    printers = [
        "took {:.1f} seconds".format, "{:.3f} sec per epoch".format, "{:.2g}s".format, "{:,.1f} ms".format,
        "用时{:.1f}秒".format, "{:.0f} minutes".format, "{:.2f}ms/step".format, "{:.1f} examples/sec".format,
        lambda s: f"Wall time: {_format_time(s)}",
        lambda s: f"CPU times: user {_format_time(s)}, sys: {_format_time(s / 9)}, total: {_format_time(s)}",
        lambda s: str(TimeitResult(10 ** (s < 1), 7, s, s, [s] * 7, 0, 3)),
        lambda s: f"{timedelta(seconds=s)} passed", lambda s: repr(timedelta(seconds=s)),
        lambda s: str(pd.Timedelta(s, "s")), lambda s: repr(pd.Timedelta(s, "s")),
    ]  # fmt: skip
    for printer in printers:
        stored, new = map(printer, seconds)
        assert lines_agree(stored, new, {})
        assert not lines_agree(stored, new + " each", {})
        assert not lines_agree(stored, new, {"exact": [".*"]}) or stored == new


@given(
    st.integers(0, 10),
    st.lists(SECONDS, min_size=2, max_size=2),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 70]),
)
def test_progress_bars_agree_if_their_counts_agree(n, seconds, ascii_only, has_total, width):
    def bar(n, elapsed, loss):
        total = 10 if has_total else None
        return tqdm.format_meter(n, total, elapsed, ascii=ascii_only, ncols=width, postfix=f"loss={loss}")

    stored, new = (bar(n, elapsed, 0.5) for elapsed in seconds)
    assert lines_agree(stored, new, {})
    assert not lines_agree(stored, bar(n + 1, seconds[1], 0.5), {"rtol": 0.05})
    assert lines_agree(stored, bar(n, seconds[1], 0.51), {"rtol": 0.05})
    assert not lines_agree(stored, bar(n, seconds[1], 0.6), {"rtol": 0.05})


# Arrays, tables and figures


def printers():
    def frame(a):
        return pd.DataFrame(a.reshape(len(a), -1)).add_prefix("列").add_prefix("x").rename(index="row {}".format)

    return {
        "str": str, "repr": repr, "float32": lambda a: repr(a.astype("float32")), "list": lambda a: pretty(a.tolist()),
        "dict": lambda a: pretty({"loss": a.ravel().tolist(), "n": 3}), "tuple": lambda a: pretty(tuple(a)),
        "complex": lambda a: str(a + 2j), "MXNet": lambda a: repr(mx.nd.array(a)),
        "DataFrame": lambda a: frame(a).T.to_string(), "HTML": lambda a: frame(a)._repr_html_(),
        "Series": lambda a: repr(pd.Series(a.ravel())), "Styler": lambda a: frame(a).style.to_html(),
        "Decimal": lambda a: repr([Decimal(f"{x:.4f}") for x in a.ravel()]),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(printers()))
@settings(max_examples=settings().max_examples // 2)
@given(
    st.sampled_from([(3,), (30,), (2, 3), (2, 20), (2, 2, 12)]), st.integers(0, 2**32 - 1),
    st.sampled_from([0.01, 1, 1000]), st.booleans(),
)  # fmt: skip
def test_arrays_and_tables_agree_exactly_if_all_elements_are_within_the_tolerance(name, shape, seed, scale, round_some):
    random = np.random.default_rng(seed)
    values = random.normal(size=shape) * scale
    if round_some:  # NumPy prints 1. in an array of integral numbers
        values = np.round(values)
    within = values + random.uniform(-0.04, 0.04, shape) * (random.random(shape) < 0.5) * scale
    beyond = within.copy()
    beyond.ravel()[random.integers(values.size)] += 0.2 * scale
    tolerances = {"atol": 0.05 * scale}
    stored, new, changed = (normalize_markup(printers()[name](array)) for array in (values, within, beyond))
    assert align(stored, new, tolerances) == stored
    assert align(stored, changed, tolerances) != stored


def draw(values, label="loss"):
    """Return a figure as SVG."""
    figure = plt.Figure(figsize=(4, 3))
    axes = figure.add_subplot()
    axes.plot(values, label=label)
    axes.fill_between([0, 5], [0, 0], [1, 1], alpha=0.2)
    axes.imshow(np.eye(2), extent=(0, 1, 0, 1), aspect="auto")
    axes.set(xlim=(0, 9), ylim=(-2, 2))
    axes.legend()
    file = io.StringIO()
    FigureCanvasSVG(figure).print_svg(file)
    return file.getvalue()


@pytest.fixture(scope="module")
def figures():
    """Return a figure, the same figure drawn again, a figure with a point 29 pt higher, and one with another label."""
    curve = np.linspace(-1, 1, 10)
    raised = curve + 0.7 * (np.arange(10) == 6)
    drawings = draw(curve), draw(curve), draw(raised), draw(curve, "less")
    return dict(zip(["stored", "again", "raised", "labeled"], drawings, strict=True))


@pytest.mark.parametrize(
    "figure, atol, agrees",
    [("again", 0, True), ("raised", 0, False), ("raised", 28, False), ("raised", 30, True), ("labeled", 30, False)],
)
def test_figures_agree_exactly_if_their_curves_are_within_the_tolerance(figures, figure, atol, agrees):
    assert figures["stored"] != figures["again"]
    stored, new = map(normalize_markup, (figures["stored"], figures[figure]))
    assert (align(stored, new, {"atol": atol}) == stored) == agrees


@pytest.mark.parametrize("new", ["M 1 2 L 30 49", "M 1 2 L 30", "L 1 2 M 30 40", "M 1 2 L 30 40 z"])
def test_another_path_does_not_agree(new):
    stored, new = (normalize_markup(f'<svg><path d="{path}"/></svg>') for path in ("M 1 2 L 30 40", new))
    assert align(stored, new, {"rtol": 0.05}) != stored
