"""Typical mistakes for each task of the assignment, and submissions that contain them."""

import copy
from pathlib import Path

import nbformat

SOURCE = Path(__file__).resolve().parents[2] / "classroom" / "source" / "deep-rnn" / "deep-rnn.ipynb"
NOTEBOOK = nbformat.read(SOURCE, 4)
GRADED_CELLS = {cell.metadata.nbgrader.grade_id: cell for cell in NOTEBOOK.cells if "nbgrader" in cell.metadata}
TESTS = {name: cell for name, cell in GRADED_CELLS.items() if cell.metadata.nbgrader.grade and cell.cell_type == "code"}
FULL_POINTS = {name: cell.metadata.nbgrader.points for name, cell in TESTS.items()}

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

# Task -> mistake -> source of the answer, or a list of replacements (correct, wrong) in the reference solution.
MISTAKES = {
    "count-weights": {
        "one bias per gate": [("+ 2)", "+ 1)")],
        "every layer reads the inputs": [("        below = num_hiddens\n", "")],
        "one gate instead of four": [("4 * num_hiddens", "num_hiddens")],
        "one layer too many": [("range(num_layers)", "range(num_layers + 1)")],
        "no return value": [("return total", "total")],
        "constants that pass the visible tests": CONSTANT_COUNT,
    },
    "deep-step": {
        "hidden weight transposed": [("H_l, W_hh)", "H_l, W_hh.T)")],
        "input weight transposed": [("x, W_xh)", "x, W_xh.T)")],
        "every layer reads the input": [("x = nd.tanh", "H_l = nd.tanh"), ("append(x)", "append(H_l)")],
        "layers read the previous state below": [("append(x)", "append(x)\n        x = H_l")],
        "no tanh": [("nd.tanh(", "(")],
        "no bias": [(" + b_h", "")],
        "only the last layer": [("nd.stack(*states)", "x")],
        "a list": [("nd.stack(*states)", "states")],
        "NaN": [("nd.stack(*states)", "nd.stack(*states) * np.nan")],
        "at most two layers, passes the visible tests": [("return nd.stack(*states)", "return nd.stack(*states[:2])")],
        "argument modified in place": IN_PLACE_STEP,
        "weight modified in place": [("        x = nd", "        W_hh *= 1 + 1e-3\n        x = nd")],
    },
    "read-on": {
        "state not carried": [("logits, state =", "logits, _ =")],
        "state not detached": [("[s.detach() for s in state]", "list(state)")],
        "state detached only before the first minibatch": [
            ("    outputs = []\n", "    outputs = []\n    state = [s.detach() for s in state]\n"),
            ("        state = [s.detach() for s in state]\n", ""),
        ],
        "H detached, but not C": [("[s.detach() for s in state]", "[state[0].detach(), state[1]]")],
        "logits detached": [("append(logits)", "append(logits.detach())")],
        "only the last minibatch": [("return outputs,", "return outputs[-1:],")],
        "off by one minibatch": [("in minibatches:", "in minibatches[1:]:")],
        "at most two minibatches, passes the visible tests": [("in minibatches:", "in minibatches[:2]:")],
        "argument modified in place": [("state = [s", "state[:] = [s")],
        "list of minibatches emptied": [
            ("for X in minibatches:", "while minibatches:\n        X = minibatches.pop(0)")
        ],
    },
    "clip": {
        "one norm per parameter": [("[grad * scale", "[grad * nd.minimum(theta / grad.norm(), 1)")],
        "small gradients scaled up": [("nd.minimum(theta / norm, 1)", "theta / norm")],
        "clipped elementwise": [("grad * scale", "grad.clip(-theta, theta)")],
        "squared norm": [(".norm()", ".norm() ** 2")],
        "a constant": [("grad * scale", "nd.zeros_like(grad)")],
        "constant theta, passes the visible tests": [("theta / norm", "1 / norm")],
        "argument modified in place": IN_PLACE_CLIP,
    },
    "training-step": {
        "labels in wrong order": [("Y.T.reshape", "Y.reshape")],
        "not clipped": [("    d2l.grad_clipping(params, theta, X.context)\n", "")],
        "clipped after the update": [
            ("    d2l.grad_clipping(params, theta, X.context)\n", ""),
            ("    return", "    d2l.grad_clipping(params, theta, X.context)\n    return"),
        ],
        "gradient ascent": [("lr, 1)", "-lr, 1)")],
        "divided by the batch size": [("lr, 1)", "lr, len(X))")],
        "sum of the losses": [(".mean()", ".sum()")],
        "no update": [("    d2l.sgd(params, lr, 1)\n", "")],
        "a constant": CONSTANT_STEP,
        "constant learning rate, passes the visible tests": [("lr, 1)", "0.5, 1)")],
        "argument modified in place": [("    with", "    state[0][:] = model.begin_state(len(X))[0]\n    with")],
    },
    "distribution": {
        "multiplied by the temperature": [("/ temperature", "* temperature")],
        "no temperature": [(" / temperature", "")],
        "temperature after the softmax": [("(logits / temperature).softmax()", "logits.softmax() / temperature")],
        "overflow": OVERFLOWING,
        "log-probabilities": [(".softmax()", ".log_softmax()")],
        "a constant": [("(logits / temperature).softmax()", "nd.ones_like(logits) / len(logits)")],
        "argument modified in place": [("return (logits / temperature)", "logits /= temperature\n    return logits")],
    },
    "draw": {
        "always the most likely index": "def draw(p, u):\n    return int(p.argmax(axis=0).asscalar())",
        "right end included": [("right", "left")],
        "off by one": [("int(np", "1 + int(np")],
        "always the last index": [("min(int(np", "max(int(np"), ("len(ends) - 1)", "0)")],
        "uniform probabilities": "def draw(p, u):\n    return int(u * len(p))",
        "a constant": "def draw(p, u):\n    return 1",
        "argument modified in place": IN_PLACE_DRAW,
    },
    "predict": {
        "no prediction": [("\nprediction = 2", "")],
        "a string": [("= 2", "= 'shorter'")],
        "NaN": [("= 2", "= np.nan")],
        "zero": [("= 2", "= 0")],
    },
    "gradient-length": {
        "squared norm": [("asscalar()", "asscalar() ** 2")],
        "weights instead of gradients": [(".grad()", ".data()")],
        "wrong weight": [("l0_i2h", "l0_h2h")],
        "wrong layer": [("l0_i2h", "l1_i2h")],
        "sum of the losses": [(".mean()", ".sum()")],
        "labels in wrong order": [("Y.T.reshape", "Y.reshape")],
        "a constant": "def gradient_length(model, X, Y):\n    return 0.0015",
        "no backward pass": "def gradient_length(model, X, Y):\n    return model.rnn.l0_i2h_weight.grad().norm()",
        "weights modified": [("    return", "    d2l.sgd([model.dense.bias.data()], 1, 1)\n    return")],
    },
}

# Different correct answers, which must also get full points.
ALTERNATIVES = {
    "count-weights": """def count_weights(num_inputs, num_hiddens, num_layers):
    params = rnn.LSTM(num_hiddens, num_layers, input_size=num_inputs).collect_params()
    return sum(float(np.prod(param.shape)) for param in params.values())
""",
    "deep-step": """def deep_step(x, H, weights):
    new = H.copy()
    for l in range(len(weights)):
        W_xh, W_hh, b_h = weights[l]
        inputs, W = nd.concat(x, H[l], dim=1), nd.concat(W_xh, W_hh, dim=0)
        x = nd.FullyConnected(inputs, W.T, b_h, num_hidden=len(b_h)).tanh()
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
    """Return a dictionary from tasks to the reference solutions in the source notebook."""
    return {
        cell.metadata.nbgrader.grade_id: "\n".join(line for line in cell.source.split("\n") if "### " not in line)
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def wrong_answer(notebook, task, mistake):
    """Return the source of an answer with a mistake, based on the reference solution in the source notebook.

    Raises:
        ValueError: If the solution does not contain the code to replace.
    """
    answer = MISTAKES[task][mistake]
    if isinstance(answer, str):
        return answer
    source = reference_answers(notebook)[task]
    for right, wrong in answer:
        if right not in source:
            raise ValueError(f"MISTAKES[{task!r}][{mistake!r}] must replace code of the solution, got {right!r:.60}.")
        source = source.replace(right, wrong)
    return source


def make_submission(notebook, answers):
    """Return a copy of the release or source notebook with these answers.

    Args:
        notebook: The notebook.
        answers: Dictionary from tasks to the source of their solution cells.

    Raises:
        ValueError: If the notebook has no cell for a task.
    """
    notebook, unused = copy.deepcopy(notebook), dict(answers)
    for cell in notebook.cells:
        task = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = unused.pop(task, cell.source)
    if unused:
        raise ValueError(f"answers must contain only tasks of the notebook, got {sorted(unused)}.")
    return notebook
