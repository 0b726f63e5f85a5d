"""Draw the README's figure from the outputs stored in notebooks/deep-rnn.ipynb: `make readme-figure`."""

import base64
import io
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat

ROOT = Path(__file__).resolve().parent.parent


def stored_training(notebook):
    """Return the perplexity curve (PNG bytes) and the printed reports of the training cell."""
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        texts = [output.text for output in outputs if output.get("name") == "stdout"]
        figures = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
        if texts and figures:
            return base64.b64decode(figures[0]), "".join(texts)
    raise SystemExit("notebooks/deep-rnn.ipynb has no stored training; run `make execute-notebooks`.")


def main():
    curve, reports = stored_training(nbformat.read(ROOT / "notebooks" / "deep-rnn.ipynb", 4))
    epoch, continuation = re.findall(r"epoch (\d+),.*\n(?: - .*\n)* - (.*)\n", reports)[-1]
    image = plt.imread(io.BytesIO(curve))
    height, width, _ = image.shape
    figure = plt.figure(figsize=(width / 100, height / 100 + 0.7), facecolor="white")
    axes = figure.add_axes((0, 0.7 / figure.get_figheight(), 1, 1 - 0.7 / figure.get_figheight()))
    axes.imshow(image, aspect="auto")
    axes.set_axis_off()
    figure.text(0.02, 0.1, f"text generated after {epoch} epochs", fontsize=9)
    figure.text(0.02, 0.03, f"{continuation} …", fontsize=9, family="monospace", weight="bold")
    figure.savefig(ROOT / "docs" / "deep-rnn.png", dpi=100)


if __name__ == "__main__":
    main()
