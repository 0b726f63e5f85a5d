"""Answers that students give: for each task of the assignment typical wrong ones, and submissions made of them.

A wrong answer is the reference solution with some words replaced, or the whole source of the cell.
"""

import copy
from pathlib import Path

import nbformat

SOURCE = Path(__file__).resolve().parents[2] / "classroom" / "source" / "deep-rnn" / "deep-rnn.ipynb"
NOTEBOOK = nbformat.read(SOURCE, 4)
MARKED = {cell.metadata.nbgrader.grade_id: cell for cell in NOTEBOOK.cells if "nbgrader" in cell.metadata}
TESTS = {name: cell for name, cell in MARKED.items() if cell.metadata.nbgrader.grade and cell.cell_type == "code"}
FULL = {name: cell.metadata.nbgrader.points for name, cell in TESTS.items()}

CONSTANT_COUNT = """def count_weights(num_inputs, num_hiddens, num_layers):
    return {1: 308224, 2: 834560}[num_layers]
"""
CONSTANT_STEP = """def training_step(model, params, X, Y, state, lr, theta):
    return 2.3
"""
OVERFLOWING = """def distribution(logits, temperature):
    powers = (logits / temperature).exp()
    return powers / powers.sum()
"""
IN_PLACE_STEP = """def deep_step(x, H, weights):
    for l, (W_xh, W_hh, b_h) in enumerate(weights):
        x = nd.tanh(nd.dot(x, W_xh) + nd.dot(H[l], W_hh) + b_h)
        H[l] = x
    return H
"""
IN_PLACE_CLIP = """def clip(grads, theta):
    norm = nd.concat(*[grad.reshape(-1) for grad in grads], dim=0).norm()
    for grad in grads:
        grad[:] = grad * nd.minimum(theta / norm, 1)
    return grads
"""
IN_PLACE_DRAW = """def draw(p, u):
    for i in range(1, len(p)):
        p[i] = p[i] + p[i - 1]
    return min(int((p <= u).sum().asscalar()), len(p) - 1)
"""

WRONG = {
    "count-weights": {
        "one bias for each gate": [("+ 2)", "+ 1)")],
        "every layer reads the inputs": [("        below = num_hiddens\n", "")],
        "one sum in the place of four": [("4 * num_hiddens", "num_hiddens")],
        "a layer too many": [("range(num_layers)", "range(num_layers + 1)")],
        "nothing is returned": [("return total", "total")],
        "constants, right where shown": CONSTANT_COUNT,
    },
    "deep-step": {
        "a transposed weight": [("H_l, W_hh)", "H_l, W_hh.T)")],
        "the other weight transposed": [("x, W_xh)", "x, W_xh.T)")],
        "every layer reads the input": [("x = nd.tanh", "H_l = nd.tanh"), ("append(x)", "append(H_l)")],
        "layers read the old state below": [("append(x)", "append(x)\n        x = H_l")],
        "no tanh": [("nd.tanh(", "(")],
        "no bias": [(" + b_h", "")],
        "the last layer alone": [("nd.stack(*states)", "x")],
        "a list": [("nd.stack(*states)", "states")],
        "not a number": [("nd.stack(*states)", "nd.stack(*states) * np.nan")],
        "two layers at most, right where shown": [("return nd.stack(*states)", "return nd.stack(*states[:2])")],
        "an argument changed in place": IN_PLACE_STEP,
        "a weight changed in place": [("        x = nd", "        W_hh *= 1 + 1e-3\n        x = nd")],
    },
    "read-on": {
        "state not carried": [("logits, state =", "logits, _ =")],
        "gradient not cut": [("[s.detach() for s in state]", "list(state)")],
        "gradient cut before the first minibatch only": [
            ("    outputs = []\n", "    outputs = []\n    state = [s.detach() for s in state]\n"),
            ("        state = [s.detach() for s in state]\n", ""),
        ],
        "gradient of H cut, not of C": [("[s.detach() for s in state]", "[state[0].detach(), state[1]]")],
        "logits cut off": [("append(logits)", "append(logits.detach())")],
        "the last minibatch alone": [("return outputs,", "return outputs[-1:],")],
        "off by one minibatch": [("in minibatches:", "in minibatches[1:]:")],
        "two minibatches at most, right where shown": [("in minibatches:", "in minibatches[:2]:")],
        "an argument changed in place": [("state = [s", "state[:] = [s")],
        "the list of minibatches used up": [
            ("for X in minibatches:", "while minibatches:\n        X = minibatches.pop(0)")
        ],
    },
    "clip": {
        "norm per parameter": [("[grad * scale", "[grad * nd.minimum(theta / grad.norm(), 1)")],
        "short gradients made longer": [("nd.minimum(theta / norm, 1)", "theta / norm")],
        "number by number": [("grad * scale", "grad.clip(-theta, theta)")],
        "no root": [(".norm()", ".norm() ** 2")],
        "a constant": [("grad * scale", "nd.zeros_like(grad)")],
        "a constant theta, right where shown": [("theta / norm", "1 / norm")],
        "an argument changed in place": IN_PLACE_CLIP,
    },
    "training-step": {
        "labels in the wrong order": [("Y.T.reshape", "Y.reshape")],
        "not clipped": [("    d2l.grad_clipping(params, theta, X.context)\n", "")],
        "clipped after the update": [
            ("    d2l.grad_clipping(params, theta, X.context)\n", ""),
            ("    return", "    d2l.grad_clipping(params, theta, X.context)\n    return"),
        ],
        "uphill": [("lr, 1)", "-lr, 1)")],
        "divided by the batch size": [("lr, 1)", "lr, len(X))")],
        "the sum of the losses": [(".mean()", ".sum()")],
        "no update": [("    d2l.sgd(params, lr, 1)\n", "")],
        "a constant": CONSTANT_STEP,
        "a constant learning rate, right where shown": [("lr, 1)", "0.5, 1)")],
        "an argument changed in place": [("    with", "    state[0][:] = model.begin_state(len(X))[0]\n    with")],
    },
    "distribution": {
        "multiplied, not divided": [("/ temperature", "* temperature")],
        "no temperature": [(" / temperature", "")],
        "temperature after the softmax": [("(logits / temperature).softmax()", "logits.softmax() / temperature")],
        "overflow": OVERFLOWING,
        "logarithms": [(".softmax()", ".log_softmax()")],
        "a constant": [("(logits / temperature).softmax()", "nd.ones_like(logits) / len(logits)")],
        "an argument changed in place": [("return (logits / temperature)", "logits /= temperature\n    return logits")],
    },
    "draw": {
        "always the most likely": "def draw(p, u):\n    return int(p.argmax(axis=0).asscalar())",
        "the right end belongs to the piece": [("right", "left")],
        "off by one": [("int(np", "1 + int(np")],
        "beyond the last piece": [("min(int(np", "max(int(np"), ("len(ends) - 1)", "0)")],
        "as if all were equally likely": "def draw(p, u):\n    return int(u * len(p))",
        "a constant": "def draw(p, u):\n    return 1",
        "an argument changed in place": IN_PLACE_DRAW,
    },
    "predict": {
        "left out": [("\nprediction = 2", "")],
        "a word": [("= 2", "= 'shorter'")],
        "not a number": [("= 2", "= np.nan")],
        "nothing": [("= 2", "= 0")],
    },
    "gradient-length": {
        "no root": [("asscalar()", "asscalar() ** 2")],
        "the weights, not their gradient": [(".grad()", ".data()")],
        "another weight": [("l0_i2h", "l0_h2h")],
        "off by one layer": [("l0_i2h", "l1_i2h")],
        "the sum of the losses": [(".mean()", ".sum()")],
        "labels in the wrong order": [("Y.T.reshape", "Y.reshape")],
        "a constant": "def gradient_length(model, X, Y):\n    return 0.0015",
        "nothing computed": "def gradient_length(model, X, Y):\n    return model.rnn.l0_i2h_weight.grad().norm()",
        "the weights changed": [("    return", "    d2l.sgd([model.dense.bias.data()], 1, 1)\n    return")],
    },
}

# Right answers in other words, one for most tasks: they get full marks as well.
OTHERWISE = {
    "count-weights": """def count_weights(num_inputs, num_hiddens, num_layers):
    params = rnn.LSTM(num_hiddens, num_layers, input_size=num_inputs).collect_params()
    return sum(float(np.prod(param.shape)) for param in params.values())
""",
    "deep-step": """def deep_step(x, H, weights):
    new = H.copy()
    for l in range(len(weights)):
        W_xh, W_hh, b_h = weights[l]
        both, W = nd.concat(x, H[l], dim=1), nd.concat(W_xh, W_hh, dim=0)
        x = nd.FullyConnected(both, W.T, b_h, num_hidden=len(b_h)).tanh()
        new[l] = x
    return new
""",
    "read-on": """def read_on(model, minibatches, state):
    outputs = ()
    for X in minibatches:
        output, (H, C) = model(X, state)
        outputs, state = (*outputs, output), (H.detach(), C.detach())
    return outputs, state
""",
    "clip": """def clip(grads, theta):
    norm = np.sqrt(sum((grad.asnumpy() ** 2).sum() for grad in grads))
    return [grad * float(min(1, theta / norm)) for grad in grads]
""",
    "training-step": """def training_step(model, params, X, Y, state, lr, theta):
    with autograd.record():
        logits, _ = model(X, [s.detach() for s in state])
        loss = -nd.pick(logits.log_softmax(), nd.concat(*nd.split(Y, Y.shape[1], axis=1), dim=0).reshape(-1)).mean()
    loss.backward()
    norm = sum((param.grad ** 2).sum().asscalar() for param in params) ** 0.5
    for param in params:
        param -= lr * param.grad * min(1, theta / norm)
    return loss
""",
    "distribution": """def distribution(logits, temperature):
    powers = ((logits - logits.max()) / temperature).exp()
    return powers / powers.sum()
""",
    "draw": """def draw(p, u):
    for i in range(len(p)):
        u -= p[i].asscalar()
        if u < 0:
            break
    return i
""",
    "predict": "prediction = np.float32(0.25)",
}


def reference_answers(notebook):
    """Task -> source of its solution cell, for every cell of the source notebook that a student writes."""
    return {
        cell.metadata.nbgrader.grade_id: "\n".join(line for line in cell.source.split("\n") if "### " not in line)
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def wrong_answer(notebook, task, name):
    """The source of a solution cell with this mistake, made of the reference solution in the source notebook.

    task, name: the keys in WRONG. Raises ValueError where the solution no longer has the words to replace.
    """
    answer = WRONG[task][name]
    if isinstance(answer, str):
        return answer
    source = reference_answers(notebook)[task]
    for right, wrong in answer:
        if right not in source:
            raise ValueError(f"WRONG[{task!r}][{name!r}] replaces {right!r}, which is not in the solution: adapt it.")
        source = source.replace(right, wrong)
    return source


def submission(notebook, answers):
    """A copy of a notebook (the release, or the source) with these answers, task -> source, in its solution cells.

    Raises ValueError for a task that the notebook does not have.
    """
    notebook, left = copy.deepcopy(notebook), dict(answers)
    for cell in notebook.cells:
        task = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = left.pop(task, cell.source)
    if left:
        raise ValueError(f"answers has the tasks {sorted(left)}, which the notebook has no cells for: correct them.")
    return notebook
