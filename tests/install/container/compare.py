"""Compare the perplexities in two files, one per line, within the tolerance for another processor's rounding."""

import sys
from pathlib import Path

TOLERANCE = 1e-4  # relative

host, container = ([float(line) for line in Path(name).read_text().split()] for name in sys.argv[1:])
deviation = max(abs(a / b - 1) for a, b in zip(host, container, strict=True))
print(f"perplexities on the host {host}, in the container {container}: largest relative deviation {deviation:.1e}")
sys.exit(f"The deviation must be at most {TOLERANCE}." if not deviation <= TOLERANCE else 0)
