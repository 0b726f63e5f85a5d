"""The network that the book's page computes: website/_static/lstm.js, run by Node, gives MXNet's numbers."""

import functools
import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest

import d2l_helpers as d2l
from tests.helpers import models as networks
from tests.plugins.continuations import BOOK as TEXT
from tools import number_sources
from website.export_weights import export_weights

BOOK = Path(__file__).resolve().parents[2] / "website"
SCRIPT = BOOK / "_static" / "lstm.js"
STRANGE = "".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz '().,;:!?-_[]189", k=200))
KNOWN = ["t", "the time traveller", "the tyme traveller", "once upon a time", TEXT[3000:3200]]
TEXTS = [*KNOWN, STRANGE]
PROGRAM = """
const fs = require("fs"), vm = require("vm");
const [weights, script, code] = process.argv.slice(1);
for (const file of [script, weights]) vm.runInThisContext(fs.readFileSync(file, "utf8"));
vm.runInThisContext("const model = network.unpack(trainedWeights)");
console.log(JSON.stringify(vm.runInThisContext(code)));
"""
READ = """(texts) => texts.map((text) =>
  network.read(model, text).map(({ p, states }) => [[...p], states.map(({ H }) => [...H])]))"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The exported weights, as a script."""
    return export_weights(tmp_path_factory.mktemp("_static"))


@pytest.fixture(scope="module")
def node(weights):
    """A function that gives the value of a line of JavaScript, in which `network` and `model` are known."""
    if not shutil.which("node"):
        pytest.skip("Node is not installed: `make test-browser` tests the same in a browser.")

    def node(code, script=SCRIPT):
        done = subprocess.run(["node", "-e", PROGRAM, weights, script, code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return node


@pytest.fixture(scope="module")
def trained():
    return networks.trained()


@pytest.fixture(scope="module")
def watched(trained, time_machine):
    """A function: what MXNet's network answers to a text, in single or in double precision."""
    models = {"single": trained, "double": networks.Doubled(trained)}

    @functools.cache
    def watched(text, precision):
        return networks.watched(models[precision], [time_machine[1][char] for char in text])

    return watched


def difference(one, other):
    """The largest difference of a probability or of a hidden state, at any step."""
    return max(np.abs(a - b).max() for a, b in zip(one, other, strict=True))


def as_arrays(steps):
    return np.array([p for p, _ in steps]), np.array([H for _, H in steps])


def go_on(node, prefix, power=1):
    """What follows when it writes 60 characters at temperature 0, and how likely all of them are at 1 / power."""
    return node(f"""(() => {{
      let steps = network.read(model, {prefix!r}), text = {prefix!r}, likely = 1;
      for (let i = 0; i < 60; i++) {{
        const p = [...steps.at(-1).p].map((share) => share ** {power});
        likely *= Math.max(...p) / p.reduce((a, b) => a + b);
        text += model.vocabulary[network.choose(p, 0)];
        steps = network.read(model, text, steps);
      }}
      return [text, likely, network.inBook(text.slice({len(prefix)}), model.book)];
    }})()""")


def test_every_step_is_that_of_mxnet_in_double_precision(node, watched):
    for text, steps in zip(TEXTS, node(f"({READ})({json.dumps(TEXTS)})"), strict=True):
        assert len(steps) == len(text)
        assert difference(as_arrays(steps), watched(text, "double")) < 1e-5


def test_every_step_is_that_of_the_notebooks_on_what_the_network_knows(node, watched):
    for text, steps in zip(KNOWN, node(f"({READ})({json.dumps(KNOWN)})"), strict=True):
        assert difference(as_arrays(steps), watched(text, "single")) < 1e-4


def test_on_a_strange_text_mxnet_in_single_precision_expects_other_characters_than_in_double(watched):
    single, double = (watched(STRANGE, precision)[0] for precision in ("single", "double"))
    assert (single.argmax(axis=1) != double.argmax(axis=1)).any()
    single, double = (watched(TEXT[3000:3200], precision)[0] for precision in ("single", "double"))
    assert np.abs(single - double).max() < 1e-4


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("[gate(0, sigmoid), gate(1, sigmoid)", "[gate(1, sigmoid), gate(0, sigmoid)"),
        ("gate(2, Math.tanh), gate(3, sigmoid)", "gate(3, Math.tanh), gate(2, sigmoid)"),
        (" + h2h_bias[row]", ""),
        ("affine(i2h_weight, x, i2h_bias)", "affine(i2h_weight, x, new Float64Array(i2h_bias.length))"),
        ("x = state.H;", "if (l === 0) x = state.H;"),
        ("affine(dense.weight, x, dense.bias)", "affine(dense.weight, x, new Float64Array(43))"),
        ("C: newC", "C"),
    ],
)
def test_a_mistake_in_the_equations_would_be_noticed(node, watched, tmp_path, right, wrong):
    source = SCRIPT.read_text()
    assert source.count(right) == 1
    (tmp_path / "wrong.js").write_text(source.replace(right, wrong))
    (steps,) = node(f"({READ})(['the time traveller'])", tmp_path / "wrong.js")
    assert difference(as_arrays(steps), watched("the time traveller", "double")) > 0.001


def test_it_writes_what_predict_rnn_gluon_writes(node, trained, time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    for prefix in ("traveller", "the tyme traveller", "once upon a time"):
        expected = d2l.predict_rnn_gluon(prefix, 60, trained, vocab_size, mx.cpu(), idx_to_char, char_to_idx)
        assert go_on(node, prefix)[0] == expected


def test_what_was_read_is_not_computed_again(node):
    assert node("(() => { const a = network.read(model, 'the time'), b = network.read(model, 'the tide', a);"
                " return b.map((step, t) => step === a[t]) })()") == [True] * 6 + [False] * 2  # fmt: skip


def test_the_temperature_decides_how_bold_it_is(node):
    drawn = """[0, 0.5, 1, 2].map((T) => {
      let likelier = 0;
      for (let i = 0; i < 1000; i++) likelier += network.choose([0.1, 0.9], T, () => i / 1000);
      return likelier;
    })"""
    # 0.9 ** (1 / T), divided by its sum with 0.1 ** (1 / T)
    assert node(drawn) == [1000, 987, 900, 750]


def test_what_cannot_be_read_is_named(node):
    assert node("network.spell('Né\\nT’@@', model.vocabulary)") == {"readable": "n t'", "unknown": ["é", "@"]}


def test_the_longest_piece_of_the_book_is_found(node):
    assert node("network.inBook('xyz filby became q', model.book)") == {"start": 3, "length": 14}
    assert node("network.inBook('', model.book)") == {"start": 0, "length": 0}


def test_every_number_of_the_chapter_is_what_the_network_gives(node, watched, time_machine):
    chapter = re.sub(r"```\{raw\}.*?```", "", (BOOK / "playground.md").read_text(), flags=re.DOTALL)
    p, H = watched(TEXT[:1000], "single")
    vowel = np.isin(list(TEXT[:1000]), list("aeiou"))
    at_y = watched("the t", "single")[0][-1, time_machine[1]["y"]]
    facts = {
        "3,000": 3000, "256": 256, "10,000": 10_000, "43": p.shape[1], "1,000": 1000, "200": len(STRANGE),
        "139": 139, "64": 64, "32": 32, "100": 100,
        "60": int(re.search(r"WRITES = (\d+)", (BOOK / "_static" / "playground.js").read_text())[1]),
        "0.18": np.abs(H[:, 0]).mean(), "0.41": np.abs(H[:, 1]).mean(),
        "0.55": H[vowel, 1, 139].mean(), "0.19": -H[~vowel, 1, 139].mean(),
        "25": -np.log(at_y),
        "36": go_on(node, "once upon a time")[2]["length"],
        "83": 100 * go_on(node, "the time traveller")[1], "30": 100 * go_on(node, "the time traveller", 0.5)[1],
    }  # fmt: skip
    for number in number_sources.numbers_in(chapter):
        assert number_sources.stands_in(number, f"{facts[number]:.6f}"), number


def test_the_chapters_experiments_end_as_it_says(node):
    right, wrong, strange = (
        go_on(node, text) for text in ("the time traveller", "the tyme traveller", "once upon a time")
    )
    assert right[0][-60:] == wrong[0][-60:] and right[0][-60:] in TEXT
    assert strange[2]["start"] + strange[2]["length"] == 60
    assert round(100 * strange[1]) == 3
