"""NumPy and Python as MXNet 1.9.1 knew them, for MXNet's own modules and nobody else's.

MXNet is from 2022. Since then NumPy has removed names that it uses, Python has removed the module
with which it compares versions, and NumPy writes its numbers in another way. While MXNet is imported,
`import numpy` in one of its own modules gives the real NumPy with the missing names added, and the
module keeps that. The real NumPy is never changed: a library that asks whether it has `float_` gets a
true answer at any time.
"""

import builtins
import contextlib
import re
from functools import partial
from types import ModuleType, SimpleNamespace
from unittest.mock import patch

import numpy as np
from packaging.version import Version


def _no_finance(name, *_, **__):
    raise RuntimeError(f"numpy.{name} was removed in NumPy 1.20: use the package numpy-financial.")


# Name -> what it stood for. Each was removed from NumPy.
REMOVED = {
    # In 1.24. MXNet's types, and a counter in its test utilities.
    "bool": bool,
    "int": int,
    # In 2.0. Constants that mxnet.numpy hands on, and the first best value of an early stopping.
    "PZERO": 0.0,
    "NZERO": -0.0,
    "PINF": np.inf,
    "NINF": -np.inf,
    "Inf": np.inf,
    "NAN": np.nan,
    "NaN": np.nan,
    # In 2.0 and later. Functions that mxnet.numpy hands on or looks up, and a type that its `pad` asks for.
    "alltrue": np.all,
    "sometrue": np.any,
    "product": np.prod,
    "round_": np.round,
    "in1d": lambda ar1, ar2, **options: np.isin(np.ravel(ar1), ar2, **options),
    "msort": partial(np.sort, axis=0),
    "trapz": getattr(np, "trapezoid", None),
    "compat": SimpleNamespace(basestring=str),
    # In 1.20, but as error messages they stayed until 2.0. Handed on by mxnet.numpy.
    **{name: partial(_no_finance, name) for name in ("mirr", "npv", "pmt", "ppmt", "pv", "rate")},
}


class _NumPyOf2022(ModuleType):
    """The real NumPy, with more names."""

    def __init__(self, name):
        super().__init__(name)
        self.__dict__.update({name: value for name, value in REMOVED.items() if name not in dir(np)})

    def __getattr__(self, name):
        return getattr(np, name)


class _DistutilsVersion(ModuleType):
    """Gone from Python 3.12. MXNet asks it whether NumPy is at least 1.6, 1.15 and 1.17."""

    StrictVersion = LooseVersion = Version


@contextlib.contextmanager
def for_mxnet():
    """Inside this `with` statement, MXNet's modules import what they knew; all others, what there is."""
    known = {"numpy": _NumPyOf2022("numpy"), "distutils.version": _DistutilsVersion("distutils.version")}

    def import_for_mxnet(name, globals=None, locals=None, fromlist=(), level=0):
        importer = (globals or {}).get("__name__", "")
        if level == 0 and name in known and importer.partition(".")[0] == "mxnet":
            return known[name]
        return import_as_ever(name, globals, locals, fromlist, level)

    import_as_ever = builtins.__import__
    with patch.object(builtins, "__import__", import_for_mxnet):
        yield


def write_numbers_plainly(module):
    """Let a module of MXNet's write NumPy's numbers as numbers.

    Operators get their arguments as text. NumPy 2 writes (np.int32(5),) where (5,) is meant.
    """
    number = re.compile(r"np\.\w+\(([^()]*)\)")
    module.str = lambda value: number.sub(r"\1", str(value))
