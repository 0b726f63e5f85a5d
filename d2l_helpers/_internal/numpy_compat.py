"""NumPy and Python names that MXNet 1.9.1 uses and that no longer exist, for MXNet's own modules only.

While MXNet is imported, `import numpy` in one of its modules returns the real NumPy with the removed names added, and
the module keeps that. NumPy itself is never changed, so that other libraries find in it what it really has.
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
    raise RuntimeError(f"numpy.{name} was removed in NumPy 1.20; use the package numpy-financial.")


# Name -> what it was in NumPy.
REMOVED = {
    # Removed in 1.24; MXNet uses them as types.
    "bool": bool, "int": int,
    # Removed in 2.0: constants that mxnet.numpy exports, and the initial value of an early-stopping callback.
    "PZERO": 0.0, "NZERO": -0.0, "PINF": np.inf, "NINF": -np.inf, "Inf": np.inf, "NAN": np.nan, "NaN": np.nan,
    # Removed in 2.0 and later: functions that mxnet.numpy exports or looks up, and a type that its `pad` checks.
    "alltrue": np.all, "sometrue": np.any, "product": np.prod, "round_": np.round, "msort": partial(np.sort, axis=0),
    "in1d": lambda ar1, ar2, **options: np.isin(np.ravel(ar1), ar2, **options),
    "trapz": getattr(np, "trapezoid", None), "compat": SimpleNamespace(basestring=str),
    # Until 2.0 these raised an error; mxnet.numpy exports them.
    **{name: partial(_no_finance, name) for name in ("mirr", "npv", "pmt", "ppmt", "pv", "rate")},
}  # fmt: skip


class _LegacyNumPy(ModuleType):
    """The real NumPy with the removed names."""

    def __init__(self, name):
        super().__init__(name)
        self.__dict__.update({name: value for name, value in REMOVED.items() if name not in dir(np)})

    def __getattr__(self, name):
        return getattr(np, name)


@contextlib.contextmanager
def legacy_numpy_for_mxnet():
    """Let MXNet's modules import the legacy modules in this `with` statement."""
    # Python 3.12 removed `distutils`, with which MXNet compares NumPy's version.
    versions = SimpleNamespace(StrictVersion=Version, LooseVersion=Version)
    legacy = {"numpy": _LegacyNumPy("numpy"), "distutils.version": versions}
    original_import = builtins.__import__

    def import_for_mxnet(name, globals=None, locals=None, fromlist=(), level=0):
        importer = (globals or {}).get("__name__", "")
        if level == 0 and name in legacy and importer.partition(".")[0] == "mxnet":
            return legacy[name]
        return original_import(name, globals, locals, fromlist, level)

    with patch.object(builtins, "__import__", import_for_mxnet):
        yield


def patch_number_formatting(module):
    """Let a module of MXNet format NumPy's numbers as plain numbers, because it passes arguments as strings.

    NumPy 2 formats (5,) as (np.int32(5),).
    """
    number = re.compile(r"np\.\w+\(([^()]*)\)")
    module.str = lambda value: number.sub(r"\1", str(value))
