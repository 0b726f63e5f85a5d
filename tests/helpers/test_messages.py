"""Error messages quote at most 60 characters of any value, on one line."""

import re
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import rnn

import d2l_helpers as d2l
from d2l_helpers._internal.messages import short

LONG = "x" * 500
CHARACTERS = [chr(0x4E00 + i) for i in range(1000)]
INDEX = {char: i for i, char in enumerate(CHARACTERS)}
TEXT = [*range(1000)] * 3, INDEX, CHARACTERS, 1000
PATH = Path("/", *["a folder with a long name"] * 30, "run.npz")


def training(text=TEXT, **options):
    arguments = {"num_epochs": 1, "num_steps": 10, "batch_size": 4, "prefixes": ["一"], "ctx": mx.cpu()}
    return d2l.Training(d2l.RNNModel(rnn.GRU(8), text[3]), text, **arguments | options)


def predict(prefix=LONG, index=INDEX, **options):
    model = d2l.RNNModel(rnn.GRU(8), 1000)
    return d2l.predict_rnn_gluon(prefix, 3, model, 1000, mx.cpu(), CHARACTERS, index)


def write_checkpoint(folder, **arguments):
    path = folder / ("long" * 50)
    history = d2l.History()
    history.perplexity, history.seconds = [2.0], [0.1]
    checkpoint = type(d2l.load_checkpoint(d2l.PRETRAINED))
    d2l.save_checkpoint(path, checkpoint({"w" * 300: np.zeros(3)}, history, arguments, 1))
    return path


ERRORS = {
    "number": lambda _: training(num_epochs=LONG),
    "rate": lambda _: training(lr=LONG),
    "context": lambda _: training(ctx=LONG),
    "prefixes": lambda _: training(prefixes=LONG),
    "prefix": lambda _: training(prefixes=[LONG]),
    "default prefixes": lambda _: training(prefixes=["traveller", "time traveller"]),
    "list prefix": lambda _: training(prefixes=[[LONG] * 100]),
    "prefix of prediction": lambda _: predict(),
    "unknown characters": lambda _: predict("".join(chr(0x3400 + i) for i in range(300))),
    "other prefix": lambda _: predict(dict.fromkeys(range(100))),
    "corpus": lambda _: training(([LONG] * 1000, *TEXT[1:])),
    "two-dimensional corpus": lambda _: training((nd.zeros((300, 300)), *TEXT[1:])),
    "corpus of another vocabulary": lambda _: training(([10**18] * 1000, *TEXT[1:])),
    "vocabulary": lambda _: training((TEXT[0], INDEX, INDEX, 1000)),
    "index": lambda _: training((TEXT[0], CHARACTERS, CHARACTERS, 1000)),
    "long tokens": lambda _: training(([0], {LONG: 1, "b": 0}, [LONG, "b"], 2)),
    "checkpoint": lambda _: training(checkpoint=[LONG]),
    "path of a checkpoint": lambda _: training(checkpoint=PATH),
    "folder as checkpoint": lambda tmp_path: training(checkpoint=tmp_path / ("long" * 50)),
    "missing checkpoint": lambda _: d2l.load_checkpoint(PATH),
    "bad checkpoint": lambda tmp_path: d2l.load_checkpoint(tmp_path / ("long" * 50)),
    "checkpoint of another run": lambda tmp_path: training(
        checkpoint=write_checkpoint(tmp_path, vocabulary=[LONG] * 9, prefixes=[LONG], model=LONG)
    ).run(),
    "weights of another network": lambda tmp_path: d2l.load_pretrained(
        d2l.RNNModel(rnn.GRU(8), 1000), mx.cpu(), write_checkpoint(tmp_path, model=LONG)
    ),
    "model of another network": lambda tmp_path: d2l.load_model(write_checkpoint(tmp_path, model=LONG)),
    "text": lambda _: d2l.load_data_text(text=[LONG]),
    "text as path": lambda _: d2l.load_data_text(LONG),
    "missing text": lambda _: d2l.load_data_text(PATH),
    "encoding": lambda _: d2l.load_data_text(d2l.PRETRAINED, encoding=LONG),
    "vocabulary of another text": lambda _: d2l.load_data_text(text="".join(CHARACTERS), vocabulary=[LONG]),
    "lyrics": lambda _: d2l.load_data_jay_lyrics(PATH),
    "experiment": lambda _: d2l.run_sweep(LONG, [], "."),
    "configurations": lambda _: d2l.run_sweep(predict, [LONG], "."),
    "configuration": lambda _: d2l.run_sweep(training, [{"text": LONG, "num": object()}], "."),
    "folder": lambda _: d2l.run_sweep(predict, [], f"\0{LONG}"),
    "length": lambda _: d2l.show_surprisal(np.zeros(1000), LONG),
}  # fmt: skip


@pytest.mark.parametrize("cause", ERRORS.values(), ids=ERRORS)
def test_an_error_is_one_sentence_that_quotes_values_shortly(cause, tmp_path, is_one_sentence):
    if cause is ERRORS["folder as checkpoint"]:
        (tmp_path / ("long" * 50)).mkdir()
    if cause is ERRORS["bad checkpoint"]:
        (tmp_path / ("long" * 50)).write_text(LONG)
    with pytest.raises((TypeError, ValueError, OSError)) as error:
        cause(tmp_path)
    message = str(error.value)
    assert is_one_sentence(message), message
    assert max(map(len, re.findall(r"x+|[\u3400-\u9fff]+|(?:long)+|/\S+", message)), default=0) <= 60, message
    assert len(message) < (1000 if "training run" in message or "model must be" in message else 330), message


@pytest.mark.parametrize("value", ["v", Path("v"), ValueError("v"), ["v"]], ids=lambda value: type(value).__name__)
def test_a_quoted_value_has_at_most_60_characters(value):
    room = 61 - len(short(value))
    for length in range(room - 1, room + 3):
        longer = type(value)(["v" * length] if isinstance(value, list) else "v" * length)
        assert ("..." in short(longer)) == (length > room)
        assert len(short(longer)) == (60 if length >= room else 59)


def test_of_a_path_the_end_remains():
    assert short(PATH) == "'..." + str(PATH)[-55:] + "'"


def test_of_an_exception_the_reason_remains_on_one_line():
    assert short(PermissionError(13, "Permission denied", LONG)) == "Permission denied"
    assert short(ValueError("one\n  two\n")) == "one two"
    assert short(KeyError()) == "KeyError"


def test_an_array_is_quoted_on_one_line():
    assert short(np.zeros((2, 2))) == "array([[0., 0.], [0., 0.]])"
