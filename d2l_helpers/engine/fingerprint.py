"""What the results of a function depend on, told so that two programs can be compared.

A file with an old result may stand for a new one only where nothing has changed. So this starts at a function and
follows every name in its bytecode; what cannot be followed is refused. What stands in the notebook, or in files
beside it, is described in full (functions, classes, values), and what is installed by its version. What is described
is what runs: `pickled` takes all of it along, so that a worker needs none of those files and sees no later edit.
"""

import builtins
import contextlib
import dis
import functools
import hashlib
import importlib
import inspect
import itertools
import json
import operator
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import CellType, CodeType, FunctionType, ModuleType

import cloudpickle

from d2l_helpers.engine import installed

PACKAGE = Path(__file__).parents[1]

PLAIN = (bool, int, float, complex, str, bytes, bytearray, type(None), type(...))
CODE = {  # what runs of it, without what says where it stands
    "co_name", "co_code", "co_exceptiontable", "co_consts", "co_names", "co_varnames", "co_freevars", "co_cellvars",
    "co_flags", "co_argcount", "co_posonlyargcount", "co_kwonlyargcount",
}  # fmt: skip
FUNCTION = {"__name__", "__code__", "__defaults__", "__kwdefaults__", "__annotations__", "__dict__"}
# What Python notes in a class about its source, or for its own use. Some of it is different in every process.
NOT_CLASS = {"__module__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__", "_abc_impl"}

READ_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
READ_CLOSURE = {"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"}
WRITE_GLOBAL = {"STORE_GLOBAL", "DELETE_GLOBAL"}
IMPORT = {"IMPORT_NAME"}

REACH_ANYTHING = (eval, exec, globals, __import__, importlib.import_module)


def fingerprint(experiment):
    """A text that changes with all that a function's results depend on, its arguments apart.

    It is the same in every process of one version of Python. A comment does not change it, nor does the place where
    the code stands. Files that the function opens are not looked into.

    Raises TypeError for what is not a function, ValueError for one that depends on what cannot be followed.
    """
    if not isinstance(experiment, FunctionType):
        raise TypeError(f"experiment must be a function, not {experiment!r}: write it with `def` in a cell or a file.")
    try:
        things = _Things({"__main__", experiment.__module__}, experiment.__qualname__).reached_from(experiment)
    except RecursionError as error:
        raise ValueError(
            f"experiment={experiment!r} uses a list, dict or set that contains itself, which cannot be followed: make "
            "it inside the experiment."
        ) from error
    helpers = sorted([str(path.relative_to(PACKAGE)), path.read_text("utf-8")] for path in PACKAGE.rglob("*.py"))
    versions = [installed.version(name) for name in ("sys", "mxnet", "numpy")]  # with which the helpers compute
    return hashlib.sha256(json.dumps([things, helpers, versions]).encode()).hexdigest()


def pickled(experiment):
    """A function as bytes, with everything in them that it uses and that is not installed.

    Raises ValueError for one that cannot be pickled.
    """
    packages = {name.partition(".")[0] for name in sys.modules} - cloudpickle.list_registry_pickle_by_value()
    with contextlib.ExitStack() as stack:
        for package in packages:
            module = sys.modules.get(package)
            if isinstance(module, ModuleType) and module.__name__ == package and not installed.version(package):
                cloudpickle.register_pickle_by_value(module)
                stack.callback(cloudpickle.unregister_pickle_by_value, module)
        try:
            return cloudpickle.dumps(experiment)
        except Exception as error:
            raise ValueError(
                f"experiment={experiment!r} cannot be sent to workers ({' '.join(str(error).split())}): make inside of "
                "it what cannot be pickled."
            ) from error


class _Things:
    """The functions, classes and objects that are reached, each described once, under a number."""

    def __init__(self, notebooks, place):
        self.notebooks = notebooks  # names of the modules in which a variable is a setting
        self.things = []  # each with the name of the function or class where it was found
        self.numbers = {}  # id of a thing -> its number; self.things keeps the thing, and so its id
        self.place = place

    def reached_from(self, value):
        """The description of a value, then those of the things that it reaches, in the order of their numbers."""
        descriptions = [self.describe(value)]
        for thing, place in self.things:  # which grows meanwhile
            self.place = thing.__qualname__ if isinstance(thing, FunctionType | type) else place
            descriptions.append(self.describe_thing(thing))
        return descriptions

    def describe(self, value):
        """A value as JSON can hold it, where a thing is its number."""
        kind = type(value)
        if kind in PLAIN:
            return [kind.__name__, repr(value)]
        if kind in (list, tuple):
            return [kind.__name__, *map(self.describe, value)]
        if kind is dict:
            return [kind.__name__, *map(self.describe, value.items())]
        if kind in (set, frozenset):  # which every process has in its own order
            return [
                kind.__name__,
                *sorted(json.dumps(_Things(self.notebooks, self.place).reached_from(one)) for one in value),
            ]
        if kind is CodeType:
            return [self.describe(getattr(value, name)) for name in sorted(CODE)]
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.things)
            self.things.append((value, self.place))
        return self.numbers[id(value)]

    def describe_thing(self, thing):
        self.refuse_any_reach(thing)
        if isinstance(thing, ModuleType):
            return installed.version(thing.__name__) or self.refuse(
                f"the module {thing.__name__} as a value", f"write {thing.__name__}, a dot and a name where it is used"
            )
        if not isinstance(thing, FunctionType | type):
            return self.describe_object(thing)
        name = installed.name_of(thing, thing.__qualname__)
        return name or (self.describe_class(thing) if isinstance(thing, type) else self.describe_function(thing))

    def describe_object(self, thing):
        """What pickle sends of an object is what a worker gets."""
        reduce = cloudpickle.Pickler.dispatch_table.get(type(thing))
        if isinstance(thing, typing.TypeVar):
            reduce = None  # cloudpickle's sends another number from every process
        try:
            parts = reduce(thing) if reduce else thing.__reduce_ex__(4)
        except Exception as error:
            self.refuse(f"an object of the class {type(thing).__qualname__} ({error})", "make it where it is used")
        if isinstance(parts, str):
            return installed.name_of(thing, parts) or self.refuse(
                f"{parts}, an object of the class {type(thing).__qualname__} that is known by its name alone",
                "use a plain function or class",
            )
        return [self.describe([*part] if isinstance(part, Iterator) else part) for part in parts]

    def describe_class(self, cls):
        attributes = {name: value for name, value in sorted(vars(cls).items()) if name not in NOT_CLASS}
        return self.describe([cls.__name__, type(cls), cls.__bases__, attributes])

    def describe_function(self, function):
        own = [self.describe(getattr(function, name)) for name in sorted(FUNCTION)]
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        closure = {name: cell.cell_contents for name, cell in cells if cell != CellType()}
        module = function.__globals__.get("__name__", "")
        if version := installed.version(module):
            if function.__module__ not in sys.modules:  # MXNet's operators, whose code has an address of this process
                self.refuse(f"{function.__name__} without the name of its module", "write nd.relu, for example")
            return [own, self.describe(closure), version]
        if module in self.notebooks and function.__code__.co_filename != "<string>":  # as dataclasses writes methods
            self.refuse_settings(closure)
        values = {name: value for name, value in closure.items() if not isinstance(value, ModuleType)}
        names = sorted(self.names(function, closure), key=operator.itemgetter(0))
        return [own, self.describe(values), names]

    def names(self, function, closure):
        """(dotted name, description) of what the code takes from outside of the function."""
        for operation, name, attributes in _outside(function.__code__):
            if operation in WRITE_GLOBAL:
                self.refuse(f"`global {name}`, which a worker may have kept from another run", f"return {name}")
            elif operation in IMPORT:
                if not installed.version(name):
                    self.refuse(f"`import {name}` inside a function", "import what is not installed at the top")
                yield name, installed.version(name)
            elif operation in READ_CLOSURE:
                if isinstance(closure.get(name), ModuleType):
                    yield self.follow(closure[name], name, attributes)
            elif name in function.__globals__:
                if function.__globals__.get("__name__") in self.notebooks:
                    self.refuse_settings({name: function.__globals__[name]})
                yield self.follow(function.__globals__[name], name, attributes)
            else:
                yield self.follow(builtins, "builtins", [name])

    def follow(self, value, path, attributes):
        """(dotted name, description) of what stands at the end of module.module.name."""
        version = None
        for attribute in attributes:
            if not isinstance(value, ModuleType):
                break
            version = installed.version(value.__name__)
            value, path = getattr(value, attribute, None), f"{path}.{attribute}"
            if version and installed.is_own(value):
                self.refuse(
                    f"{path}, which workers import as it is installed and here is another", "call yours by its name"
                )
            self.refuse_any_reach(value)
        return path, version or self.describe(value)

    def refuse_any_reach(self, value):
        if any(value is one for one in REACH_ANYTHING):
            self.refuse(f"{value.__name__}(), which reaches anything", "write what it does as code")

    def refuse_settings(self, variables):
        for name, value in variables.items():
            if not (
                isinstance(value, ModuleType | type | functools.partial)
                or inspect.isroutine(value)
                or installed.name_of(value, getattr(value, "__name__", ""))
            ):
                raise ValueError(
                    f"experiment uses the variable {name}={value!r}, so that its files would not tell with which "
                    f"value they were made: make {name} an argument, and give it in the configurations."
                )

    def refuse(self, what, remedy):
        raise ValueError(
            f"experiment must not change unnoticed, but {self.place} uses {' '.join(what.split())}: {remedy}."
        )


def _outside(code):
    """(operation, name, attributes) of each name that code reads, writes or imports, and the code inside it.

    The attributes are those that it reads of the value at once: `nd.linalg.gemm` has linalg and gemm.
    """
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    for number, step in enumerate(steps):
        if step.opname in IMPORT:
            level = steps[number - 2].argval  # how many dots stand before the name
            yield step.opname, "." * level + step.argval, []
        elif step.opname in READ_GLOBAL | READ_CLOSURE | WRITE_GLOBAL:
            if (step.opname, step.argval) == ("LOAD_NAME", "__name__"):
                continue  # with which the body of every class begins
            following = itertools.islice(steps, number + 1, None)
            attributes = itertools.takewhile(lambda step: step.opname in ("LOAD_ATTR", "LOAD_METHOD"), following)
            yield step.opname, step.argval, [step.argval for step in attributes]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _outside(constant)
