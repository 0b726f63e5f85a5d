"""Training, prediction, and files accept every kind of corpus and vocabulary, and never mix up two vocabularies."""

import gc
import time

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import nn, rnn

import d2l_helpers as d2l
from d2l_helpers._internal import vocabulary
from d2l_helpers._internal.validation import check_minibatches, check_vocabulary
from tests.helpers import models

SMALL = {"num_steps": 5, "batch_size": 4, "lr": 1, "pred_period": 1, "pred_len": 4}
TEXTS = {
    "letters": ("the time traveller " * 20, "time"),
    "Chinese": ("想要有直升机想要和你飞到宇宙去" * 20, "想要"),
    "Arabic": ("يولد جميع الناس أحرارا " * 20, "يولد"),
    "emoji": ("😀😃 ☕👍🏽 " * 40, "😀☕"),
    "combining marks": ("हिन्दी में q\u0323\u0301 " * 20, "हिन्दी"),
    "words": (["the", "time", "traveller", "was", "expounding", "it"] * 30, ["the", "time"]),
    "MIDI numbers": ([60, 62, 64, 65, 67, 127] * 40, [60, 64]),
    "chords": ([(60, 64), (62, 65), (67,)] * 50, [(60, 64)]),
    "DNA": ("GATTACACCTG" * 20, "GAT"),
    "digits": ("3141592653589793 " * 20, "314"),
    "source code": ("def f(x):\n\treturn {'$a': x_1 ** 2}  # \\d\0\n" * 10, "def"),
    "one character": ("a" * 200, "aa"),
    "special tokens": (["<unk>", *"ab", "<eos>"] * 50, "ab"),
}
CORPORA = {
    "list": list, "tuple": tuple, "int8": lambda c: np.array(c, "int8"), "uint8": lambda c: np.array(c, "uint8"),
    "uint64": lambda c: np.array(c, "uint64"), "float": lambda c: np.array(c, float), "NDArray": nd.array,
    "NDArray of int32": lambda c: nd.array(c, dtype="int32"), "NDArray of uint8": lambda c: nd.array(c, dtype="uint8"),
}  # fmt: skip
VOCABULARIES = {
    "list": list, "tuple": tuple, "dict": lambda tokens: dict(enumerate(tokens)),
    "dict in another order": lambda tokens: dict(reversed([*enumerate(tokens)])),
}  # fmt: skip


def indexed(tokens, order=sorted):
    idx_to_char = order({*tokens})
    char_to_idx = {token: i for i, token in enumerate(idx_to_char)}
    return [char_to_idx[token] for token in tokens], char_to_idx, idx_to_char, len(idx_to_char)


def new_model(text, layer=rnn.GRU, **options):
    return d2l.RNNModel(layer(6, **options), text[3])


def train(text, prefix, model=None, num_epochs=2, **options):
    """Return the model and the History."""
    mx.random.seed(1)
    model = model or new_model(text)
    training = d2l.Training(model, text, num_epochs, prefixes=[prefix], ctx=mx.cpu(), **SMALL, **options)
    return model, training.run()


def predict(model, text, prefix):
    _, char_to_idx, idx_to_char, vocab_size = text
    return d2l.predict_rnn_gluon(prefix, 6, model, vocab_size, mx.cpu(), idx_to_char, char_to_idx)


def backwards(tokens):
    return sorted(tokens, reverse=True)


# Kinds


@pytest.mark.parametrize(("tokens", "prefix"), TEXTS.values(), ids=TEXTS)
def test_every_kind_of_text_trains_predicts_saves_and_resumes(tokens, prefix, tmp_path):
    text = indexed(tokens)
    model, history = train(text, prefix, checkpoint=tmp_path / "run.npz")
    assert len(history) == 2
    assert len(train(text, prefix, num_epochs=3, checkpoint=tmp_path / "run.npz")[1]) == 3
    written = predict(model, text, prefix)
    copy, char_to_idx, idx_to_char, vocab_size = d2l.load_model(tmp_path / "run.npz", mx.cpu())
    assert vocab_size == text[3]
    if prefix[0] != (60, 64):  # JSON has no tuples
        assert (char_to_idx, idx_to_char) == text[1:3]
        assert len(predict(copy, text, prefix).split()) == len(predict(model, text, prefix).split())
    assert isinstance(written, str)


@pytest.mark.parametrize("as_corpus", CORPORA.values(), ids=CORPORA)
def test_the_corpus_may_have_any_integer_type(as_corpus):
    corpus_indices, *others = indexed("the time traveller " * 20)
    expected = train((corpus_indices, *others), "time")[1].perplexity
    assert train((as_corpus(corpus_indices), *others), "time")[1].perplexity == expected
    for data_iter in (d2l.data_iter_consecutive, d2l.data_iter_random):
        mx.random.seed(1)
        X, Y = next(data_iter(as_corpus(list(range(100))), 2, 7))
        assert (X + 1 == Y).min() == 1
        assert X.dtype == np.float32


def test_a_range_is_a_corpus():
    tokens = [chr(0x4E00 + i) for i in range(300)]
    corpus_indices, *others = indexed(tokens)
    expected = train((corpus_indices, *others), tokens[5])[1].perplexity
    assert train((range(300), *others), tokens[5])[1].perplexity == expected


@pytest.mark.parametrize("as_vocabulary", VOCABULARIES.values(), ids=VOCABULARIES)
@pytest.mark.parametrize("order", [sorted, backwards], ids=["sorted", "in another order"])
def test_the_vocabulary_may_be_a_list_a_tuple_or_a_dict(as_vocabulary, order, capsys):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = indexed("the time traveller " * 20, order)
    expected = train((corpus_indices, char_to_idx, idx_to_char, vocab_size), "time")[1].reports
    text = corpus_indices, char_to_idx, as_vocabulary(idx_to_char), vocab_size
    model, history = train(text, "time")
    assert [report.partition(" sec")[2] for report in history.reports] == [r.partition(" sec")[2] for r in expected]
    assert predict(model, text, "time").startswith("time")


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float32"])
def test_one_hot_vectors_of_any_type(dtype):
    outputs = d2l.to_onehot(nd.array([[0, 2], [1, 3]], dtype=dtype), 300)
    assert [output.argmax(axis=1).asnumpy().tolist() for output in outputs] == [[0, 1], [2, 3]]
    assert {output.shape for output in outputs} == {(2, 300)}


def test_checks_of_a_million_indices_are_fast():
    tokens = [f"token {i}" for i in range(10_000)]
    char_to_idx = {token: i for i, token in enumerate(tokens)}
    for corpus in (np.arange(10**6, dtype="uint16") % 10_000, [*range(10_000)] * 100):
        times = []
        for _ in range(5):
            start = time.process_time()
            check_vocabulary(corpus, 10_000, tokens, char_to_idx)
            check_minibatches(corpus, 32, 35, False)
            times.append(time.process_time() - start)
        assert min(times) < 0.1


# Splitting and joining


@pytest.mark.parametrize(
    ("prefix", "tokens", "expected"),
    [
        ("ab a", "ab ", ["a", "b", " ", "a"]),
        ("the time!", ["the", "time", "!"], ["the", "time", "!"]),
        ("the time", ["the", "time", " "], ["the", " ", "time"]),
        (["the", "time"], ["the", "time"], ["the", "time"]),
        ((60, 64), [60, 64], [60, 64]),
        ("ab<", ["<unk>", "a", "b"], ["a", "b", "<unk>"]),
        ("a<b>", ["<", ">", "a", "b"], ["a", "<", "b", ">"]),
        ("the cat", ["<unk>", "the"], ["the", "<unk>"]),
        ("the <unk>", ["<unk>", "the"], ["the", "<unk>"]),
        ("想要", "想要", ["想", "要"]),
    ],
)
def test_a_prefix_is_split_as_its_vocabulary(prefix, tokens, expected):
    assert vocabulary.split(prefix, {token: i for i, token in enumerate(tokens)}) == expected


@pytest.mark.parametrize(
    ("tokens", "of", "expected"),
    [
        ("ab", "ab", "ab"),
        (["a", "<unk>"], ["a", "<unk>"], "a<unk>"),
        (["the", "time"], ["the", "time"], "the time"),
        (["the", " ", "time"], ["the", "time", " "], "the time"),
        ([60, 64], [60, 64], "60 64"),
        ([(60, 64)], [(60, 64)], "(60, 64)"),
    ],
)
def test_tokens_are_joined_with_spaces_if_they_are_words(tokens, of, expected):
    assert vocabulary.join(tokens, of) == expected


# The vocabulary of a model's weights


TEXT = indexed("the time traveller " * 20)
OTHER = indexed("the time traveller " * 20, backwards)


@pytest.fixture
def file(tmp_path):
    """Return a file with a trained network."""
    training = d2l.Training(new_model(TEXT), TEXT, 2, prefixes=["time"], ctx=mx.cpu(), **SMALL)
    d2l.save_weights(tmp_path / "mine.npz", training, training.run())
    return tmp_path / "mine.npz"


def assert_refused(model, text, is_one_sentence):
    arguments = {"prefixes": ["time"], "ctx": mx.cpu(), **SMALL}
    calls = [
        lambda: d2l.Training(model, text, 1, initializer=None, **arguments),
        lambda: predict(model, text, "time"),
        lambda: d2l.evaluate(model, text, mx.cpu()),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"vocabulary of the model's weights.*load_data_text") as error:
            call()
        assert is_one_sentence(str(error.value))


def test_loaded_weights_refuse_a_vocabulary_in_another_order(file, is_one_sentence):
    model = new_model(TEXT)
    d2l.load_pretrained(model, mx.cpu(), file)
    assert_refused(model, OTHER, is_one_sentence)
    assert_refused(d2l.load_model(file, mx.cpu())[0], OTHER, is_one_sentence)
    assert predict(model, TEXT, "time")
    assert predict(model, (*TEXT[:2], dict(enumerate(TEXT[2])), TEXT[3]), "time")


def test_a_trained_model_refuses_another_vocabulary(is_one_sentence):
    model, _ = train(TEXT, "time")
    assert_refused(model, OTHER, is_one_sentence)
    assert_refused(model, OTHER, is_one_sentence)
    text = indexed("abcdtimef " * 20)
    assert_refused(model, text, is_one_sentence)


def test_new_initial_weights_may_have_another_vocabulary(file):
    model = new_model(TEXT)
    d2l.load_pretrained(model, mx.cpu(), file)
    train(OTHER, "time", model)
    assert predict(model, OTHER, "time")


def test_a_checkpoint_refuses_a_vocabulary_in_another_order(file):
    before = file.read_bytes()
    with pytest.raises(ValueError, match="vocabulary was .* and is "):
        train(OTHER, "time", num_epochs=3, checkpoint=file)
    assert file.read_bytes() == before


def test_training_continues_on_another_text_with_the_same_vocabulary(file, tmp_path):
    model, _, idx_to_char, _ = d2l.load_model(file, mx.cpu())
    more = d2l.load_data_text(text="the tame larva are rather little " * 20, vocabulary=idx_to_char)
    before = models.weights_of(model)
    start = d2l.evaluate(model, more, mx.cpu())
    _, history = train(more, "time", model, 8, initializer=None, checkpoint=tmp_path / "more.npz")
    assert history.perplexity[0] < 1.5 * start
    assert history.perplexity[-1] < history.perplexity[0]
    assert any((weight != before[name]).any() for name, weight in models.weights_of(model).items())
    assert d2l.load_checkpoint(tmp_path / "more.npz").arguments["vocabulary"] == TEXT[2]


def test_a_model_that_is_gone_is_forgotten():
    model, _ = train(TEXT, "time")
    number = len(vocabulary._vocabularies)
    del model
    gc.collect()
    assert len(vocabulary._vocabularies) < number


# One file that needs no training code

LAYERS = [
    lambda: rnn.RNN(6), lambda: rnn.RNN(6, 2, activation="tanh"), lambda: rnn.LSTM(6, 2, dropout=0.5),
    lambda: rnn.GRU(6, 2, bidirectional=True),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_a_model_is_rebuilt_from_its_file(layer, tmp_path):
    model = d2l.RNNModel(layer(), TEXT[3])
    train(TEXT, "time", model, checkpoint=tmp_path / "run.npz")
    copy, char_to_idx, idx_to_char, vocab_size = d2l.load_model(tmp_path / "run.npz", mx.cpu())
    assert (char_to_idx, idx_to_char, vocab_size) == TEXT[1:]
    X = nd.array([TEXT[0][:9]])
    assert (model(X, model.begin_state(batch_size=1))[0] == copy(X, copy.begin_state(batch_size=1))[0]).min() == 1
    assert copy.rnn._dropout == model.rnn._dropout


def test_a_file_loads_in_a_new_process(file, run_python):
    model, *_ = d2l.load_model(file, mx.cpu())
    code = f"""import d2l_helpers as d2l, mxnet as mx
model, char_to_idx, idx_to_char, vocab_size = d2l.load_model({str(file)!r}, mx.cpu())
print(d2l.predict_rnn_gluon("time", 6, model, vocab_size, mx.cpu(), idx_to_char, char_to_idx))"""
    run = run_python(code, OMP_NUM_THREADS="1")
    assert run.stdout == predict(model, TEXT, "time") + "\n", run.stderr


def test_the_pretrained_network_loads_without_code():
    model, char_to_idx, idx_to_char, vocab_size = d2l.load_model(ctx=mx.cpu())
    _, *expected = d2l.load_data_time_machine()
    assert [char_to_idx, idx_to_char, vocab_size] == expected
    assert d2l.predict_rnn_gluon("traveller", 20, model, vocab_size, mx.cpu(), idx_to_char, char_to_idx)


class Residual(d2l.RNNModel):
    """A network whose parameters look like those of an RNNModel."""

    def forward(self, inputs, state):
        logits, state = super().forward(inputs, state)
        return 2 * logits, state


class WithoutRNN(nn.Block):
    """A network with another structure."""

    def __init__(self, vocab_size):
        super().__init__()
        self.cell, self.out = rnn.LSTM(6), nn.Dense(vocab_size)

    def forward(self, inputs, state):
        Y, state = self.cell(nd.one_hot(inputs.T, TEXT[3]), state)
        return self.out(Y.reshape((-1, 6))), state

    def begin_state(self, **options):
        return self.cell.begin_state(**options)


@pytest.mark.parametrize(
    "network",
    [
        lambda: Residual(rnn.LSTM(6), TEXT[3]),
        lambda: WithoutRNN(TEXT[3]),
    ],
)
def test_another_network_needs_its_own_code(network, tmp_path, is_one_sentence):
    train(TEXT, "time", model := network(), checkpoint=tmp_path / "run.npz")
    with pytest.raises(ValueError, match="use load_pretrained") as error:
        d2l.load_model(tmp_path / "run.npz", mx.cpu())
    assert is_one_sentence(str(error.value))
    d2l.load_pretrained(copy := network(), mx.cpu(), tmp_path / "run.npz")
    weights = models.weights_of(copy)
    assert all((weight == weights[name]).all() for name, weight in models.weights_of(model).items())


def test_a_file_for_a_network_with_other_weights_is_rejected(file, is_one_sentence):
    class Embedded(d2l.RNNModel):
        def __init__(self, layer, vocab_size):
            super().__init__(layer, vocab_size)
            self.embedding = nn.Embedding(vocab_size, 5)

    for model, words in [
        (Embedded(rnn.GRU(6), TEXT[3]), "embedding.weight"),
        (d2l.RNNModel(rnn.GRU(6, input_size=3), TEXT[3]), "shape"),
    ]:
        with pytest.raises(ValueError, match=words) as error:
            d2l.load_pretrained(model, mx.cpu(), file)
        assert is_one_sentence(str(error.value))
        assert all(param._data is None for param in model.collect_params().values())
