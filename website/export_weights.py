"""Export the pretrained network as a script for the playground: `pretrained-weights.js`.

The weights are a script, not a binary file, because a page opened from the file system may load only scripts.
"""

import base64
import json
from pathlib import Path

import numpy as np

import d2l_helpers as d2l


def export_weights(folder):
    """Write pretrained-weights.js into this folder, and return its path.

    The script defines `pretrainedWeights`: the vocabulary and the training set (strings), the shapes (name of an array
    -> list of integers), and the arrays in that order, as base64 of little-endian 32-bit floats in row-major order.
    """
    checkpoint = d2l.load_checkpoint(d2l.PRETRAINED)
    arrays = {name.replace("._unfused", ""): weight for name, weight in checkpoint.weights.items()}
    corpus_indices, _, idx_to_char, _ = d2l.load_data_time_machine()
    exported = {
        "vocabulary": "".join(idx_to_char),
        "trainingSet": "".join(idx_to_char[i] for i in corpus_indices),
        "shapes": {name: array.shape for name, array in arrays.items()},
        "base64": base64.b64encode(b"".join(np.asarray(a, "<f4").tobytes() for a in arrays.values())).decode(),
    }
    path = Path(folder) / "pretrained-weights.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"const pretrainedWeights = {json.dumps(exported)};\n", encoding="utf-8")
    return path
