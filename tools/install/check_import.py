"""`make` imports MXNet as soon as it is installed: what it misses is said now, and in one sentence."""

import sys

try:
    import d2l_helpers  # noqa: F401
except ImportError as error:
    sys.exit(str(error))
