"""The fingerprint of a function changes with everything that can change its result, and with nothing else."""

import functools
import hashlib
import itertools
import shutil
import sys
import types

import pytest
from mxnet import nd

import d2l_helpers as d2l
from d2l_helpers.engine import installed
from d2l_helpers.engine.fingerprint import fingerprint, pickled

numbers = itertools.count()


@pytest.fixture
def cell(monkeypatch):
    """A function that runs the text of a cell in a new notebook and returns the experiment that it defines."""

    def run(text):
        notebook = types.ModuleType("notebook")
        monkeypatch.setitem(sys.modules, "notebook", notebook)
        exec(compile(text, f"cell {next(numbers)}", "exec"), vars(notebook))
        return notebook.experiment

    return run


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A function that writes files beside the notebook (name -> text); what was imported of them is forgotten."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # else files of one second and size would be the same

    def write(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__in__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        forget(["beside", "package"])

    def forget(names):
        for name in [name for name in sys.modules if name.partition(".")[0] in names]:
            del sys.modules[name]

    yield write
    forget(["beside", "package"])


# Each of these is an experiment in whose code a 2 becomes a 3, where it says VALUE.
CELLS = {
    "the function itself": "def experiment(seed): return VALUE",
    "a lambda": "experiment = lambda seed: VALUE",
    "one of two lambdas in a line": "one, experiment = lambda seed: 1, lambda seed: VALUE",
    "a function that it calls": """
def inner(): return VALUE
def experiment(seed): return inner()""",
    "a function that is called by one it calls": """
def innermost(): return VALUE
def inner(): return innermost()
def experiment(seed): return inner()""",
    "functions that call each other": """
def one(n): return n and other(n - 1)
def other(n): return n and one(n - VALUE)
def experiment(seed): return one(seed)""",
    "a nested function": """
def experiment(seed):
    def inner(): return VALUE
    return inner()""",
    "a function that a nested one calls": """
def outside(): return VALUE
def experiment(seed):
    def inner(): return outside()
    return inner()""",
    "a generator expression": "def experiment(seed): return list(x * VALUE for x in [seed])",
    "a function in a comprehension": """
def inner(x): return VALUE
def experiment(seed): return [inner(x) for x in [seed]]""",
    "a default": "def experiment(seed, value=VALUE): return value",
    "a keyword-only default": "def experiment(seed, *, value=VALUE): return value",
    "a list that is a default": "def experiment(seed, values=[{'a': (1, VALUE)}]): return values",
    "a set that is a default": "def experiment(seed, values={'a', 'b', VALUE}): return sorted(values)",
    "a set of functions": """
class Inner: pass
def inner(): return VALUE
def experiment(seed, functions=frozenset({inner, Inner, print})): return "a" in {"a", "b", "c"}, functions""",
    "an array that is a default": """
import numpy as np
def experiment(seed, values=np.array([1.0, VALUE])): return values.sum()""",
    "a NumPy number that is a default": """
import numpy as np
def experiment(seed, value=np.float32(VALUE)): return float(value)""",
    "an object of an installed class that is a default": """
import mxnet as mx
def experiment(seed, init=mx.init.Normal(VALUE)): return init.sigma""",
    "an object of one's own class that is a default": """
class Settings:
    def __init__(self, value): self.value = value
def experiment(seed, settings=Settings(VALUE)): return settings.value""",
    "a function that is a default": """
def inner(): return VALUE
def experiment(seed, function=inner): return function()""",
    "a lambda that is a default": "def experiment(seed, function=lambda: VALUE): return function()",
    "a class that is a default": """
class Inner:
    value = VALUE
def experiment(seed, cls=Inner): return cls.value""",
    "a default of a function that it calls": """
def inner(value=VALUE): return value
def experiment(seed): return inner()""",
    "a function in a closure": """
def make():
    def inner(): return VALUE
    def experiment(seed): return inner()
    return experiment
experiment = make()""",
    "a partial": """
from functools import partial
def inner(a, b): return a, b
other = partial(inner, 1, b=VALUE)
def experiment(seed): return other()""",
    "the function of a partial": """
from functools import partial
def inner(a): return VALUE
other = partial(inner, 1)
def experiment(seed): return other()""",
    "a decorator": """
import functools
def decorator(function):
    @functools.wraps(function)
    def wrapper(seed): return VALUE * function(seed)
    return wrapper
@decorator
def experiment(seed): return seed""",
    "what a decorator wraps": """
import functools
def decorator(function):
    @functools.wraps(function)
    def wrapper(seed): return function(seed)
    return wrapper
@decorator
def experiment(seed): return VALUE""",
    "what an installed decorator wraps": """
import contextlib
@contextlib.contextmanager
def inner(): yield VALUE
def experiment(seed):
    with inner() as value: return value""",
    "one's own wrapper of an installed function": """
import functools, math
def decorator(function):
    @functools.wraps(function)
    def wrapper(x): return VALUE * function(x)
    return wrapper
sqrt = decorator(math.sqrt)
def experiment(seed): return sqrt(seed)""",
    "an attribute of a function": """
def inner(): return inner.value
inner.value = VALUE
def experiment(seed): return inner()""",
    "the name of a function": """
def inner(): return inner.__name__
inner.__name__ = "name_VALUE"
def experiment(seed): return inner()""",
    "the name of a class": """
Inner = type("Inner_VALUE", (), {})
def experiment(seed): return Inner.__name__""",
    "a variable that has no value yet": """
def make():
    def experiment(seed): return later, VALUE
    return experiment
    later = 1
experiment = make()""",
    "a function evaluated from a text": """
exec("def inner(): return VALUE")
def experiment(seed): return inner()""",
    "a method": """
class Inner:
    def method(self): return VALUE
def experiment(seed): return Inner().method()""",
    "a bound method": """
class Inner:
    def method(self): return VALUE
method = Inner().method
def experiment(seed): return method()""",
    "the object of a bound method": """
class Inner:
    def __init__(self, value): self.value = value
    def method(self): return self.value
method = Inner(VALUE).method
def experiment(seed): return method()""",
    "a static method": """
class Inner:
    @staticmethod
    def method(): return VALUE
def experiment(seed): return Inner.method()""",
    "a class method": """
class Inner:
    @classmethod
    def method(cls): return VALUE
def experiment(seed): return Inner.method()""",
    "a property": """
class Inner:
    @property
    def value(self): return VALUE
def experiment(seed): return Inner().value""",
    "a class attribute": """
class Inner:
    value = VALUE
def experiment(seed): return Inner.value""",
    "a class that has a method which names it": """
class Inner:
    def method(self): return Inner, super().__init__, VALUE
def experiment(seed): return Inner().method()""",
    "an inherited method": """
class Base:
    def method(self): return VALUE
class Inner(Base): pass
def experiment(seed): return Inner().method()""",
    "a metaclass": """
class Meta(type):
    def __call__(cls): return VALUE
class Inner(metaclass=Meta): pass
def experiment(seed): return Inner()""",
    "an abstract base class": """
from abc import ABC, abstractmethod
class Base(ABC):
    @abstractmethod
    def method(self): return VALUE
class Inner(Base):
    def method(self): return super().method()
def experiment(seed): return Inner().method()""",
    "a nested class": """
class Outer:
    class Inner:
        value = VALUE
def experiment(seed): return Outer.Inner.value""",
    "a class inside the function": """
def experiment(seed):
    class Inner:
        value = VALUE
        def method(self): return super().__repr__()
    return Inner.value""",
    "slots": """
class Inner:
    __slots__ = ("a", "b", "c")[:VALUE]
def experiment(seed): return len(Inner.__slots__)""",
    "a class decorator": """
def decorator(cls):
    cls.value = VALUE
    return cls
@decorator
class Inner: pass
def experiment(seed): return Inner.value""",
    "a function that was put into a class": """
class Inner: pass
Inner.method = lambda self: VALUE
def experiment(seed): return Inner().method()""",
    "a decorator of a method, with an argument of its own": """
def scaled(function):
    def wrapper(self): return VALUE * function(self)
    return wrapper
class Inner:
    @scaled
    def method(self): return 1
def experiment(seed): return Inner().method()""",
    "a dataclass with a default": """
from dataclasses import dataclass, field
@dataclass
class Settings:
    value: int = VALUE
    others: list = field(default_factory=list)
    fixed: int = field(init=False, default=7)
def experiment(seed): return Settings().value""",
    "a field that a dataclass does not take": """
from dataclasses import dataclass, field
@dataclass(order=True, frozen=True)
class Settings:
    fixed: int = field(init=False, default=VALUE)
def experiment(seed): return Settings().fixed""",
    "the default factory of a dataclass": """
from dataclasses import dataclass, field
@dataclass(slots=True)
class Settings:
    value: list[int] | None = field(default_factory=lambda: [VALUE])
def experiment(seed): return Settings().value""",
    "a named tuple": """
from typing import NamedTuple
class Settings(NamedTuple):
    value: int = VALUE
def experiment(seed): return Settings().value""",
    "an enumeration": """
from enum import Enum
class Kind(Enum):
    A = 1
    B = VALUE
def experiment(seed): return Kind.B.value""",
    "a Gluon block": """
from mxnet import gluon
class Net(gluon.Block):
    def __init__(self):
        super().__init__()
        self.dense = gluon.nn.Dense(VALUE)
    def forward(self, X): return self.dense(X)
def experiment(seed): return Net()""",
    "a hybrid block that inherits from the course's model": """
import d2l_helpers as d2l
class Net(d2l.RNNModel):
    def hybrid_forward(self, F, X): return F.relu(X) * VALUE
def experiment(seed): return Net""",
    "where an exception is caught": """
def experiment(seed):
    try:
        if VALUE == 2: seed()
    except TypeError:
        return None
    seed()""",
    "names alone": """
def function_2(): return 1
def function_3(): return 4
def experiment(seed): return function_VALUE()""",
    "attributes alone": "def experiment(seed): return seed.value_VALUE",
    "an installed function": """
import math
two = {2: math.sin, 3: math.cos}
function = two[VALUE]
def experiment(seed): return function(seed)""",
    "a constant among others of the same value": "def experiment(seed): return {2: 1, 3: 1.0}[VALUE], VALUE == 2",
    "the type of a default": "def experiment(seed, value={2: 1, 3: True}[VALUE]): return value",
    "the sign of a zero": "def experiment(seed, value={2: 0.0, 3: -0.0}[VALUE]): return value",
    "an annotation": "def experiment(seed: {2: int, 3: float}[VALUE]): return experiment.__annotations__",
    "a module in a closure": """
def make():
    import math
    def experiment(seed): return math.sqrt(VALUE)
    return experiment
experiment = make()""",
}


@pytest.mark.parametrize("text", CELLS.values(), ids=CELLS)
def test_a_change_is_seen_and_nothing_else(cell, text):
    before, again, after = (fingerprint(cell(text.replace("VALUE", value))) for value in "223")
    assert before == again
    assert before != after


def test_another_operator_is_seen(cell):
    plus, minus = (cell(f"def experiment(seed): return seed {operator} 1") for operator in "+-")
    assert plus.__code__.co_consts == minus.__code__.co_consts
    assert fingerprint(plus) != fingerprint(minus)


PARTS = {
    "co_name": "another", "co_varnames": ("seed", "other", "third", "fourth"), "co_freevars": ("another",),
    "co_cellvars": ("another",), "co_flags": 0x100 | 0x13, "co_argcount": 1, "co_posonlyargcount": 1,
    "co_kwonlyargcount": 0, "co_exceptiontable": b"",
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_the_bytecode_is_seen(cell, part):
    experiment = cell("""
def make():
    def inner(): return 1
    def experiment(seed, other, *, third):
        try:
            last = inner()
        except TypeError:
            return lambda: seed
        return last
    return experiment
experiment = make()""")
    code, (cell_of_inner,) = experiment.__code__, experiment.__closure__
    same, changed = (
        types.FunctionType(one, experiment.__globals__, closure=(cell_of_inner,))
        for one in (code.replace(), code.replace(**{part: PARTS[part]}))
    )
    assert fingerprint(same) == fingerprint(experiment) != fingerprint(changed)


# The same for a file beside the notebook: an import in the notebook, what it calls, and the file.
FILES = {
    "a function": ("from beside import inner", "inner()", "def inner(): return VALUE"),
    "a function under another name": ("from beside import inner as other", "other()", "def inner(): return VALUE"),
    "a function by its module": ("import beside", "beside.inner()", "def inner(): return VALUE"),
    "a function by another name of its module": ("import beside as b", "b.inner()", "def inner(): return VALUE"),
    "a function that a function of the file calls": (
        "import beside", "beside.inner()", "def innermost(): return VALUE\ndef inner(): return innermost()",
    ),
    "a variable": ("import beside", "beside.value", "value = VALUE"),
    "a variable that a function of the file uses": (
        "from beside import inner", "inner()", "value = VALUE\ndef inner(): return value",
    ),
    "a class": ("from beside import Inner", "Inner.value", "class Inner:\n    value = VALUE"),
    "a base class": (
        "import beside\nclass Inner(beside.Base): pass", "Inner.value", "class Base:\n    value = VALUE",
    ),
    "a decorator": (
        "from beside import decorator\n@decorator\ndef inner(): return 1", "inner()",
        "def decorator(function):\n    def wrapper(): return VALUE * function()\n    return wrapper",
    ),
    "a decorator with an argument": (
        "def inner(): return 1\nfrom beside import wrapped", "wrapped()",
        "def scaled(factor):\n    def decorator(function):\n        def wrapper(): return factor * function()\n"
        "        return wrapper\n    return decorator\n@scaled(VALUE)\ndef wrapped(): return 1",
    ),
    "a default": ("from beside import inner", "inner()", "def inner(value=VALUE): return value"),
    "an object": (
        "import beside", "beside.thing.value",
        "class Thing:\n    def __init__(self, value): self.value = value\nthing = Thing(VALUE)",
    ),
    "a module in a closure, read by the body of a class": (
        "def make():\n    import beside\n    def inner():\n        class Inner:\n            value = beside.value\n"
        "        return Inner\n    return inner\ninner = make()", "inner()", "value = VALUE",
    ),
    "a variable after hundreds of names": (
        "import beside\ndef inner(x):\n    " + "; ".join(f"x.a{n}" for n in range(300)) + "\n    return beside.value",
        "inner(seed)", "value = VALUE",
    ),
    "a module in a function's nested one": (
        "import beside\ndef inner():\n    return [beside.value for _ in 'a']", "inner()", "value = VALUE",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("imports", "call", "text"), FILES.values(), ids=FILES)
def test_a_change_in_a_file_beside_the_notebook_is_seen(cell, file, imports, call, text):
    def with_value(value):
        file(beside=text.replace("VALUE", value))
        return fingerprint(cell(f"{imports}\ndef experiment(seed): return {call}"))

    before, again, after = map(with_value, "223")
    assert before == again
    assert before != after


def test_a_change_in_a_package_beside_the_notebook_is_seen(cell, file):
    def with_value(value):
        file(package__in____init__="", package__in__part=f"def inner(): return {value}")
        return fingerprint(cell("import package.part\ndef experiment(seed): return package.part.inner()"))

    before, again, after = map(with_value, "223")
    assert before == again
    assert before != after


def test_what_is_not_used_of_a_file_changes_nothing(cell, file):
    def with_value(value):
        file(beside=f"def inner(): return 1\nunused = {value}\ndef also(): return {value}")
        return fingerprint(cell("import beside\ndef experiment(seed): return beside.inner()"))

    assert with_value(2) == with_value(3)


def test_comments_and_the_place_change_nothing(cell, file):
    text = "def inner(): return 1\nclass C:\n    value = inner\ndef experiment(seed): return inner(), C.value()"
    before = fingerprint(cell(text))
    assert fingerprint(cell(f"unused = 1\n\n\n# A comment\n{text}  # another one")) == before
    file(beside=text)
    assert fingerprint(cell("from beside import experiment")) == before


def test_the_fingerprint_is_the_same_in_every_process(run_python):
    names = "a set that is a default", "a set of functions", "an abstract base class", "slots", "a named tuple"
    cells = [CELLS[name].replace("VALUE", "2") for name in (*names, "a dataclass with a default", "an enumeration")]
    code = f"""
import sys, types
from d2l_helpers.engine.fingerprint import fingerprint
for text in {cells!r}:
    notebook = sys.modules["notebook"] = types.ModuleType("notebook")
    exec(compile(text, "cell", "exec"), vars(notebook))
    print(fingerprint(notebook.experiment))
"""
    first, second = (run_python(code, PYTHONHASHSEED=seed).stdout.split() for seed in "12")
    assert len(first) == len(cells)
    assert first == second


def test_a_notebook_of_the_course_is_no_matter_of_variables_that_only_look_alike(cell):
    """`text` is a variable of the notebook, and here the name of an attribute, of an argument and of a keyword."""
    alike = "def experiment(seed, text='a'):\n    seed.text(text=text)\n    return [text for text in 'ab']"
    assert fingerprint(cell(f"text = 'The Time Machine'\n{alike}")) == fingerprint(cell(alike))


def test_a_new_version_of_what_is_installed_is_seen(cell, monkeypatch):
    experiment = cell("from matplotlib import pyplot as plt\nimport mxnet as mx\ndef experiment(seed): plt.plot(seed)")
    before = fingerprint(experiment)
    version = installed.metadata.version
    for name in ("matplotlib", "mxnet", "numpy"):  # with the last two the helpers compute
        monkeypatch.setattr(installed.metadata, "version", lambda of, n=name: "0" if of == n else version(of))
        assert fingerprint(experiment) != before
    monkeypatch.setattr(installed.metadata, "version", lambda of: "0" if of == "pandas" else version(of))
    assert fingerprint(experiment) == before


def test_a_change_of_the_helpers_is_seen(cell, monkeypatch, tmp_path):
    experiment = cell("def experiment(seed): return seed")
    copy = shutil.copytree(d2l.__path__[0], tmp_path / "d2l_helpers", ignore=shutil.ignore_patterns("__pycache__"))
    before = fingerprint(experiment)
    monkeypatch.setattr("d2l_helpers.engine.fingerprint.PACKAGE", copy)
    assert fingerprint(experiment) == before
    with (copy / "engine" / "threads.py").open("a") as source:
        source.write("\nCHANGED = True\n")
    assert fingerprint(experiment) != before


# What is described is what runs


def test_the_bytes_need_no_file_beside_the_notebook(cell, file, run_python, tmp_path):
    file(beside="value = 4\ndef inner(): return value\nclass Inner:\n    def method(self): return inner()")
    text = "def experiment(seed): return [seed, beside.inner(), beside.value, Inner().method()]"
    experiment = cell(f"import beside\nfrom beside import Inner\n{text}")
    file(beside="raise ImportError")
    (tmp_path / "bytes").write_bytes(pickled(experiment))
    code = f"import pathlib, pickle; print(pickle.loads(pathlib.Path({str(tmp_path / 'bytes')!r}).read_bytes())(1))"
    assert run_python(code).stdout == "[1, 4, 4, 4]\n"


def test_what_is_installed_is_not_in_the_bytes():
    assert len(pickled(d2l.train_and_predict_rnn_gluon)) < 200


# What cannot be followed

REFUSED = {
    "a variable": ("rate = 3\ndef experiment(seed): return rate", "uses the variable rate=3, so that its files"),
    "a variable of a function it calls": (
        "rate = 3\ndef inner(): return rate\ndef experiment(seed): return inner()", "uses the variable rate=3",
    ),
    "a variable of a class": (
        "rate = 3\nclass C:\n    def f(self): return rate\ndef experiment(seed): return C()",
        "uses the variable rate=3",
    ),
    "a variable in a closure": (
        "def make(rate):\n    def experiment(seed): return rate\n    return experiment\nexperiment = make(3)",
        "uses the variable rate=3",
    ),
    "a model that is a variable": (
        "import mxnet as mx\nnet = mx.gluon.nn.Dense(2)\ndef experiment(seed): return net",
        "uses the variable net=Dense",
    ),
    "an array that is a variable": (
        "import numpy as np\nvalues = np.zeros(2)\ndef experiment(seed): return values", "uses the variable values=",
    ),
    "a module of one's own as a value": (
        "import beside\ndef experiment(seed): return getattr(beside, 'inner')()",
        "experiment uses the module beside as a value: write beside, a dot and a name",
    ),
    "a variable that is set in a file's module": (
        "import beside\ndef experiment(seed): beside.value = 3", "experiment uses the module beside as a value",
    ),
    "an import of a file inside the function": (
        "def experiment(seed):\n    import beside\n    return beside.inner()",
        "experiment uses `import beside` inside a function: import what is not installed at the top",
    ),
    "an import from a file inside a nested function": (
        "def experiment(seed):\n    def inner():\n        from beside import inner\n    return inner",
        "uses `import beside` inside a function",
    ),
    "a global that is set": ("def experiment(seed):\n    global best\n    best = seed", "uses `global best`"),
    "eval": ("def experiment(seed): return eval('seed')", r"uses eval\(\), which reaches anything"),
    "exec under another name": ("run = exec\ndef experiment(seed): run('seed')", r"uses exec\(\)"),
    "globals": ("def experiment(seed): return globals()['beside']", r"uses globals\(\)"),
    "__import__": ("def experiment(seed): return __import__('beside')", r"uses __import__\(\)"),
    "import_module": (
        "import importlib\ndef experiment(seed): return importlib.import_module('beside')", r"uses import_module\(\)",
    ),
    "an object that cannot be pickled": (
        "import threading\ndef experiment(seed, lock=threading.Lock()): pass", "uses an object of the class lock",
    ),
    "an object in a class that cannot be pickled": (
        "import threading\nclass Inner:\n    lock = threading.Lock()\ndef experiment(seed): return Inner",
        "but Inner uses an object of the class lock",
    ),
    "a cache, which pickle knows by its name alone": (
        "import functools\n@functools.cache\ndef inner(): return 1\ndef experiment(seed): return inner()",
        "experiment uses inner, an object of the class _lru_cache_wrapper",
    ),
    "a variable of a type": (
        "from typing import TypeVar\nT = TypeVar('T')\ndef experiment(seed: T): pass", "uses T, an object of the class",
    ),
    "an operator of MXNet without its module": (
        "from mxnet.ndarray import relu\ndef experiment(seed): return relu(seed)",
        "relu uses relu without the name of its module: write nd.relu",
    ),
    "a list in itself": ("a = []\na.append(a)\ndef experiment(seed, a=a): pass", "contains itself"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_followed_is_refused(cell, file, is_one_sentence, text, words):
    file(beside="value = 1\ndef inner(): return 1")
    experiment = cell(text)
    with pytest.raises(ValueError, match=words) as caught:
        fingerprint(experiment)
    assert is_one_sentence(str(caught.value))


def test_a_relative_import_inside_a_function_is_refused(file):
    file(
        package__in____init__="",
        package__in__math="",
        package__in__part="def experiment(seed):\n    from . import math",
    )
    from package.part import experiment

    with pytest.raises(ValueError, match="uses `import .` inside a function"):
        fingerprint(experiment)


def test_an_installed_module_s_function_that_was_replaced_is_refused(cell, monkeypatch, is_one_sentence):
    experiment = cell("from mxnet import nd\ndef mine(X): return X\ndef experiment(seed): return nd.relu(seed)")
    fingerprint(experiment)
    monkeypatch.setattr(nd, "relu", sys.modules["notebook"].mine)
    with pytest.raises(ValueError, match="uses nd.relu, which workers import as it is installed") as caught:
        fingerprint(experiment)
    assert is_one_sentence(str(caught.value))


def test_a_builtin_that_was_replaced_is_refused(cell, monkeypatch):
    experiment = cell("def mine(X): return X\ndef experiment(seed): return ascii(seed)")
    monkeypatch.setattr("builtins.ascii", sys.modules["notebook"].mine)
    with pytest.raises(ValueError, match="uses builtins.ascii, which workers"):
        fingerprint(experiment)


@pytest.mark.parametrize("experiment", [None, "train", print, functools.partial(max, 1), hashlib])
def test_what_is_not_a_function_is_refused(experiment, is_one_sentence):
    with pytest.raises(TypeError, match="experiment must be a function, not ") as caught:
        fingerprint(experiment)
    assert is_one_sentence(str(caught.value))


def test_what_cannot_be_pickled_is_refused(cell, file, is_one_sentence):
    file(beside="import threading\nlock = threading.Lock()\ndef inner(): return 1")
    experiment = cell("import beside\ndef experiment(seed): return beside.inner()")
    with pytest.raises(ValueError, match="cannot be sent to workers") as caught:
        pickled(experiment)
    assert is_one_sentence(str(caught.value))


def test_pickling_leaves_cloudpickle_as_it_was(cell, file):
    import cloudpickle

    file(beside="def inner(): return 1")
    experiment = cell("import beside\ndef experiment(seed): return beside.inner()")
    cloudpickle.register_pickle_by_value(sys.modules["beside"])
    try:
        pickled(experiment)
        assert cloudpickle.list_registry_pickle_by_value() == {"beside"}
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules["beside"])
