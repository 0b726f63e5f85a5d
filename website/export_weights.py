"""The document's trained network as a script for a page: `trained-weights.js`, written when the book is built.

A script and not a file of bytes, because a page that is opened from a folder may load scripts, and nothing else.
"""

import base64
import json
from pathlib import Path

import numpy as np

import d2l_helpers as d2l


def export_weights(folder):
    """Write trained-weights.js into a folder, which is made if it is not there; returns its path.

    The script defines `trainedWeights`: the vocabulary and the learnt text as strings, shapes (name of an array -> list
    of whole numbers), and base64, the arrays in that order as 32-bit floats, little-endian, row after row.
    """
    checkpoint = d2l.load_checkpoint(d2l.PRETRAINED)
    arrays = {name.replace("._unfused", ""): weight for name, weight in checkpoint.weights.items()}
    corpus_indices, _, idx_to_char, _ = d2l.load_data_time_machine()
    exported = {
        "vocabulary": "".join(idx_to_char),
        "book": "".join(idx_to_char[i] for i in corpus_indices),
        "shapes": {name: array.shape for name, array in arrays.items()},
        "base64": base64.b64encode(b"".join(np.asarray(a, "<f4").tobytes() for a in arrays.values())).decode(),
    }
    path = Path(folder) / "trained-weights.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"const trainedWeights = {json.dumps(exported)};\n", encoding="utf-8")
    return path
