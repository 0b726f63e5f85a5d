"""The playground's network (website/_static/lstm.js, run by Node) computes the same as MXNet."""

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
from tests.plugins.continuations import EXCERPT as TEXT
from tools import number_sources
from website.export_weights import export_weights

WEBSITE = Path(__file__).resolve().parents[2] / "website"
SCRIPT = WEBSITE / "_static" / "lstm.js"
RANDOM = "".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz '().,;:!?-_[]189", k=200))
KNOWN = ["t", "the time traveller", "the tyme traveller", "once upon a time", TEXT[3000:3200]]
TEXTS = [*KNOWN, RANDOM]
PROGRAM = """
const fs = require("fs"), vm = require("vm");
const [weights, script, code] = process.argv.slice(1);
for (const file of [script, weights]) vm.runInThisContext(fs.readFileSync(file, "utf8"));
vm.runInThisContext("const model = network.unpack(pretrainedWeights)");
console.log(JSON.stringify(vm.runInThisContext(code)));
"""
READ = """(texts) => texts.map((text) =>
  network.read(model, text).map(({ p, states }) => [[...p], states.map(({ H }) => [...H])]))"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return the path of the exported weights."""
    return export_weights(tmp_path_factory.mktemp("_static"))


@pytest.fixture(scope="module")
def node(weights):
    """Return a function that evaluates JavaScript, in which `network` and `model` are defined."""
    if not shutil.which("node"):
        pytest.skip("Node is not installed: `make test-browser` tests the same in a browser.")

    def node(code, script=SCRIPT):
        done = subprocess.run(["node", "-e", PROGRAM, weights, script, code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return node


@pytest.fixture(scope="module")
def pretrained():
    return networks.trained()


@pytest.fixture(scope="module")
def mxnet(pretrained, time_machine):
    """Return a function that gives the probabilities and hidden states of MXNet in single or double precision."""
    models = {"single": pretrained, "double": networks.Doubled(pretrained)}

    @functools.cache
    def read(text, precision):
        return networks.watched(models[precision], [time_machine[1][char] for char in text])

    return read


def difference(one, other):
    """Return the largest difference between two probabilities or hidden states, at any step."""
    return max(np.abs(a - b).max() for a, b in zip(one, other, strict=True))


def as_arrays(steps):
    return np.array([p for p, _ in steps]), np.array([H for _, H in steps])


def generate(node, prefix, power=1):
    """Generate 60 characters at temperature 0.

    Returns:
        The prefix with these characters, their probability at temperature 1 / power, and their longest match with the
        training set.
    """
    return node(f"""(() => {{
      let steps = network.read(model, {prefix!r}), text = {prefix!r}, probability = 1;
      for (let i = 0; i < 60; i++) {{
        const p = [...steps.at(-1).p].map((share) => share ** {power});
        probability *= Math.max(...p) / p.reduce((a, b) => a + b);
        text += model.vocabulary[network.sample(p, 0)];
        steps = network.read(model, text, steps);
      }}
      return [text, probability, network.longestMatch(text.slice({len(prefix)}), model.trainingSet)];
    }})()""")


def test_every_step_matches_mxnet_in_double_precision(node, mxnet):
    for text, steps in zip(TEXTS, node(f"({READ})({json.dumps(TEXTS)})"), strict=True):
        assert len(steps) == len(text)
        assert difference(as_arrays(steps), mxnet(text, "double")) < 1e-5


def test_every_step_matches_mxnet_in_single_precision_on_the_training_set(node, mxnet):
    for text, steps in zip(KNOWN, node(f"({READ})({json.dumps(KNOWN)})"), strict=True):
        assert difference(as_arrays(steps), mxnet(text, "single")) < 1e-4


def test_on_random_text_mxnets_predictions_differ_between_single_and_double_precision(mxnet):
    single, double = (mxnet(RANDOM, precision)[0] for precision in ("single", "double"))
    assert (single.argmax(axis=1) != double.argmax(axis=1)).any()
    single, double = (mxnet(TEXT[3000:3200], precision)[0] for precision in ("single", "double"))
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
def test_a_mistake_in_the_equations_is_detected(node, mxnet, tmp_path, right, wrong):
    source = SCRIPT.read_text()
    assert source.count(right) == 1
    (tmp_path / "wrong.js").write_text(source.replace(right, wrong))
    (steps,) = node(f"({READ})(['the time traveller'])", tmp_path / "wrong.js")
    assert difference(as_arrays(steps), mxnet("the time traveller", "double")) > 0.001


def test_it_generates_the_same_text_as_predict_rnn_gluon(node, pretrained, time_machine):
    _, char_to_idx, idx_to_char, vocab_size = time_machine
    for prefix in ("traveller", "the tyme traveller", "once upon a time"):
        expected = d2l.predict_rnn_gluon(prefix, 60, pretrained, vocab_size, mx.cpu(), idx_to_char, char_to_idx)
        assert generate(node, prefix)[0] == expected


def test_the_steps_of_a_common_prefix_are_reused(node):
    assert node("(() => { const a = network.read(model, 'the time'), b = network.read(model, 'the tide', a);"
                " return b.map((step, t) => step === a[t]) })()") == [True] * 6 + [False] * 2  # fmt: skip


def test_the_temperature_flattens_the_distribution(node):
    counts = """[0, 0.5, 1, 2].map((T) => {
      let frequent = 0;
      for (let i = 0; i < 1000; i++) frequent += network.sample([0.1, 0.9], T, () => i / 1000);
      return frequent;
    })"""
    # 0.9 ** (1 / T) / (0.9 ** (1 / T) + 0.1 ** (1 / T))
    assert node(counts) == [1000, 987, 900, 750]


def test_characters_outside_the_vocabulary_are_listed(node):
    assert node("network.normalize('Né\\nT’@@', model.vocabulary)") == {"readable": "n t'", "unknown": ["é", "@"]}


def test_the_longest_match_with_the_training_set_is_found(node):
    assert node("network.longestMatch('xyz filby became q', model.trainingSet)") == {"start": 3, "length": 14}
    assert node("network.longestMatch('', model.trainingSet)") == {"start": 0, "length": 0}


def test_every_number_on_the_page_matches_the_network(node, mxnet, time_machine):
    page = re.sub(r"```\{raw\}.*?```", "", (WEBSITE / "playground.md").read_text(), flags=re.DOTALL)
    p, H = mxnet(TEXT[:1000], "single")
    vowel = np.isin(list(TEXT[:1000]), list("aeiou"))
    at_y = mxnet("the t", "single")[0][-1, time_machine[1]["y"]]
    at_r, at_r_misspelled = (
        mxnet(text, "single")[0][-1, time_machine[1]["r"]] for text in ("the time t", "the tyme t")
    )
    assert round(-np.log(at_r_misspelled)) == 25
    facts = {
        "3,000": 3000, "256": 256, "10,000": 10_000, "43": p.shape[1], "1,000": 1000, "200": len(RANDOM),
        "139": 139, "64": 64, "32": 32, "100": 100,
        "60": int(re.search(r"NUM_CHARS = (\d+)", (WEBSITE / "_static" / "playground.js").read_text())[1]),
        "0.18": np.abs(H[:, 0]).mean(), "0.41": np.abs(H[:, 1]).mean(),
        "0.55": H[vowel, 1, 139].mean(), "0.19": -H[~vowel, 1, 139].mean(),
        "25": -np.log(at_y), "16": -np.log(at_r),
        "36": generate(node, "once upon a time")[2]["length"],
        "83": 100 * generate(node, "the time traveller")[1], "30": 100 * generate(node, "the time traveller", 0.5)[1],
    }  # fmt: skip
    for number in number_sources.numbers_in(page):
        assert number_sources.contains(f"{facts[number]:.6f}", number), number


def test_the_experiments_end_as_the_page_says(node):
    right, wrong, strange = (
        generate(node, text) for text in ("the time traveller", "the tyme traveller", "once upon a time")
    )
    assert right[0][-60:] == wrong[0][-60:] and right[0][-60:] in TEXT
    assert strange[2]["start"] + strange[2]["length"] == 60
    assert round(100 * strange[1]) == 3
