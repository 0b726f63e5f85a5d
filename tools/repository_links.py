"""Write the launch links of README.md and the address in CITATION.cff: `python tools/repository_links.py [--check]`."""

import re
import sys
import tomllib
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = "notebooks/deep-rnn.ipynb"
COLAB, BINDER = "https://colab.research.google.com", "https://mybinder.org"
START, END = "<!-- tools/repository_links.py writes these links -->", "<!-- end of links -->"


def repository_address(root=ROOT):
    """Return `Repository` under `[project.urls]` in pyproject.toml, or an empty string."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("urls", {}).get("Repository", "").rstrip("/")


def links(address):
    """Return the links to Colab, Binder, and the website as lines of Markdown; only GitHub addresses have links."""
    if not (match := re.fullmatch(r"https://github\.com/([\w-]+)/([\w.-]+)", address)):
        return []
    owner, name = match.groups()
    binder = f"{BINDER}/v2/gh/{owner}/{name}/HEAD?labpath={quote(NOTEBOOK, safe='')}"
    return [
        f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{owner}/{name}/blob/main/{NOTEBOOK})",
        f"[![Open in Binder]({BINDER}/badge_logo.svg)]({binder})",
        f"[Website](https://{owner}.github.io/{name}/)",
    ]


def with_links(readme, address):
    """Return the text of README.md with the links for this address between the two comments."""
    block = "\n".join([START, *links(address), END])
    return re.sub(f"{re.escape(START)}.*?{re.escape(END)}", lambda _: block, readme, flags=re.DOTALL)


def with_address(citation, address):
    """Return the text of CITATION.cff with this address after the license."""
    citation = re.sub(r"^repository-code:.*\n", "", citation, flags=re.MULTILINE)
    line = f"repository-code: {address}\n" if address else ""
    return citation.replace("license: Apache-2.0\n", f"license: Apache-2.0\n{line}")


def main(root=ROOT, check=False):
    """Write both files; if `check` is set, write nothing and exit with an error if a file is out of date."""
    for name, update in [("README.md", with_links), ("CITATION.cff", with_address)]:
        path = root / name
        text = update(path.read_text(encoding="utf-8"), repository_address(root))
        if not check:
            path.write_text(text, encoding="utf-8")
        elif text != path.read_text(encoding="utf-8"):
            sys.exit(f"{name} is out of date; run `python tools/repository_links.py`.")


if __name__ == "__main__":
    main(check="--check" in sys.argv[1:])
