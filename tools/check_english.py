"""Check that no text outside of the notebooks contains a phrase to avoid. `make lint` runs this program."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ["benchmarks", "classroom", "d2l_helpers", "docs", "requirements", "tests", "tools", "website"]
SUFFIXES = {".c", ".css", ".in", ".j2", ".js", ".md", ".py", ".sh", ".toml", ".yaml", ".yml"}
OTHERS = [".ci/run", ".github/**/*.*", "*.md", "*.yml", "conftest.py", "Dockerfile", "Makefile", "pyproject.toml"]
# Regular expressions of phrases to avoid, and what to write instead.
PHRASES = {
    "anew|once more": "again", "beside": "next to", "as it stands": "unmodified", "in the place of": "instead of",
    "stands? (here|there|in|behind|once|twice)": "is", "to be had|at hand": "available", "whoever": "anyone who",
    "(is|are|was|were|be|been) told": "reported, raised", "(told|tells?) apart": "distinguish", "mend(s|ed)?": "fix",
    "takes? (it |them |this )?up again|(taken|taking) up": "resume", "goes on|go on": "continue", "one's own": "your",
    "give for example": "for example,", "damaged or no": "corrupted or not a", "knows? (neither|nothing)": "rephrase",
    "whole numbers?": "integer", "pictures?": "figure", "stand-ins?": "stub", "(equal|same) bits": "reproducible",
    "busy program": "CPU contention", "machine code": "shared library", "private parts?": "private API",
    "(first|drawn) weights": "initial weights", "unseen text": "held-out text", "guessers?": "baseline",
    "hedg(es?|ed|ing)": "smoothing", "surprise": "surprisal, cross-entropy loss", "number by number": "elementwise",
    "letter by letter|to the letter": "exactly", "the document": "the original notebook", "the house": "the repository",
    r"(colour|neighbour|behaviour|favour|honour|grey|licence|centre|learnt|misspelt)\w*": "American spelling",
    "(initial|normal|optim|organ|recogn|summar|visual|memor)is(e|es|ed|ing|ation)": "American spelling",
}  # fmt: skip

paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
paths = [path.relative_to(ROOT) for path in [*paths, *(path for name in OTHERS for path in ROOT.glob(name))]]
found = []
for path in sorted({path for path in paths if not {"node_modules", "source"} & {*path.parts}}):
    text = (ROOT / path).read_text(encoding="utf-8") if path.name != "check_english.py" else ""
    for phrase, advice in PHRASES.items():
        for match in re.finditer(rf"\b(?:{phrase})\b".replace(" ", r"\s(?:\s|[#>*])*"), text, re.IGNORECASE):
            found.append(f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}; use: {advice}")
sys.exit("\n".join(found) or None)
