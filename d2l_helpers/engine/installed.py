"""What is installed, and in which version; everything else stands in files of one's own."""

import functools
import importlib.util
import operator
import platform
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from types import FunctionType

HELPERS = __name__.partition(".")[0]
COMPILED_BY_NOBODY = 1 << 9  # Python's flag of all classes but those that are compiled into it or into an extension


def version(module):
    """The version of the installed package that a module, given by its name, belongs to; None for one's own files."""
    package = module.partition(".")[0]
    if package == HELPERS:
        return "as its files are"
    place = _place(package)
    if {"site-packages", "dist-packages"} & {*place.parts}:
        return [[name, metadata.version(name)] for name in sorted({*_distributions().get(package, [])})] or None
    is_of_python = str(place) in ("built-in", "frozen") or place.is_relative_to(sysconfig.get_path("stdlib"))
    return platform.python_version() if is_of_python else None


def name_of(thing, name):
    """[module, name, version] of what an installed module has under that name; None for anything else."""
    module = getattr(thing, "__module__", None) or type(thing).__module__
    told = version(module) and [module, name, version(module)]
    if isinstance(thing, type) and not thing.__flags__ & COMPILED_BY_NOBODY:
        return told
    try:
        return told if operator.attrgetter(name)(sys.modules[module]) is thing else None
    except (KeyError, AttributeError):
        return None


def is_own(value):
    """Whether a value is a function or a class of one's own, or an object of one."""
    module = (
        value.__globals__.get("__name__") if isinstance(value, FunctionType) else getattr(value, "__module__", None)
    )
    return module in sys.modules and not version(module)


def _place(package):
    """Where a package is; an empty path for what stands in no file, as the program itself."""
    try:
        spec = None if package == "__main__" else importlib.util.find_spec(package)  # looks among the imported first
    except (ImportError, ValueError):
        spec = None
    return Path(spec and (spec.origin or next(iter(spec.submodule_search_locations or []), "")) or "")


_distributions = functools.cache(metadata.packages_distributions)
