"""Import the package once after its installation, so that missing libraries are reported by `make` in one sentence."""

import sys

try:
    import d2l_helpers  # noqa: F401
except ImportError as error:
    sys.exit(str(error))
