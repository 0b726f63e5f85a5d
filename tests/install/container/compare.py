"""Are the perplexities in two files, one a line, the same but for the rounding of another processor?"""

import sys
from pathlib import Path

TOLERANCE = 1e-4  # relative

here, there = ([float(line) for line in Path(name).read_text().split()] for name in sys.argv[1:])
apart = max(abs(a / b - 1) for a, b in zip(here, there, strict=True))
print(f"perplexities here {here}, in the container {there}: at most {apart:.1e} apart")
sys.exit(f"That is more than {TOLERANCE}." if not apart <= TOLERANCE else 0)
