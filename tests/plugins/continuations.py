"""Normalize the continuations that a network generates, and the outputs of a shortened training, for the comparison.

Other processors round sums differently, and training amplifies the differences, so generated text differs as well.
Therefore, a line that begins with " - " need not equal the stored line. Instead, each continuation of a report must
contain a verbatim run of MIN_RUN characters of the excerpt, and at least one must contain a run of LONG_RUN.

The thresholds come from measurements at epoch 500 of deep-rnn.ipynb: on a Xeon with AVX-512, and on an EPYC with AVX2
with oneDNN limited to older instruction sets (DNNL_MAX_CPU_ISA). The last two rows are the longest verbatim run, in
characters; "all" means the whole line.

    instructions   AVX-512   SSE41   SSE41     AVX     AVX    AVX2    AVX2
    threads                      1       2       1       2       1       2
    perplexity      1.0133  1.0176  1.0176  1.0131  1.0131  1.0156  1.0129
    traveller           48      45      45      31      31     all     all
    time traveller     all     all     all     all     all      43     all

The stored outputs are from AVX2 with one thread. SSE41 and AVX are bitwise reproducible across one and two threads, so
the table has five different roundings. The perplexities have a standard deviation of 0.2% around 1.0145. The tolerance
of 1.5% is more than six standard deviations, and still excludes 1.24, the perplexity at epoch 200. Only six in ten
continuations are verbatim as a whole, so the test does not require that. Ten seeds on the Xeon have a standard
deviation of 0.13%, and their shortest verbatim run is 17. At epoch 100 (perplexity 7), no verbatim run is longer than
16. Invented text has verbatim runs of about ten characters.

The tolerances of the other notebooks are at least twice the largest deviation in the same six configurations.
"""

import re
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXCERPT = (ROOT / "d2l_helpers" / "time_machine.txt").read_text(encoding="utf-8").replace("\n", " ").lower()
MIN_RUN = 15
LONG_RUN = 30
CONTINUATION = " - "


def pytest_nbval_normalize_outputs(stored, new, parameters):
    """Remove what a shortened training cannot report, and replace acceptable continuations by the stored ones."""
    if "num_epochs" in parameters:
        truncate_outputs(stored, parameters["num_epochs"])
    for output, new_output in zip(stored, new, strict=False):
        if "text" in output and "text" in new_output:
            new_output["text"] = normalize_continuations(output["text"], new_output["text"])


def truncate_outputs(stored, last_epoch):
    """Change the stored outputs in place to those of a training that ended after this epoch."""
    reports = []
    for output in stored:
        if "text" in output:
            output["text"] = remove_later_reports(output["text"], last_epoch)
            reports += re.findall(r"^epoch (\d+), perplexity ([\d.]+)", output["text"], re.MULTILINE)
        elif reports and "text/plain" in output.get("data", {}):
            output["data"]["text/plain"] = truncate_history(output["data"]["text/plain"], *reports[-1])


def remove_later_reports(text, last_epoch):
    """Return the text without the reports on later epochs."""
    lines, keep = [], True
    for line in text.splitlines(keepends=True):
        epoch = re.match(r"epoch (\d+),", line)
        keep = keep if epoch is None else int(epoch[1]) <= last_epoch
        lines += [line] if keep else []
    return "".join(lines)


def truncate_history(text, num_epochs, perplexity):
    """Return the printed form of a History for a training that ended after this epoch with this perplexity."""
    return re.sub(
        r"^History: \d+ epochs, perplexity [\d.]+", f"History: {num_epochs} epochs, perplexity {perplexity}", text
    )


def normalize_continuations(stored, new):
    """Return the new text with the continuations of each acceptable report replaced by the stored ones."""
    lines, new_lines = stored.splitlines(keepends=True), new.splitlines(keepends=True)
    if len(lines) != len(new_lines):
        return new
    text = ""
    for continued, pairs in groupby(zip(lines, new_lines, strict=True), are_continuations):
        pairs = list(pairs)
        use_stored = continued and is_acceptable(pairs)
        text += "".join(line if use_stored else new_line for line, new_line in pairs)
    return text


def are_continuations(lines):
    """Return whether each of these lines is a continuation."""
    return all(line.startswith(CONTINUATION) for line in lines)


def is_acceptable(report):
    """Return whether the new continuations in a report, a list of pairs (stored, new), are acceptable."""
    has_run, has_long_run = (
        [new == stored or has_verbatim_run(new.removeprefix(CONTINUATION), length) for stored, new in report]
        for length in (MIN_RUN, LONG_RUN)
    )
    return all(has_run) and any(has_long_run)


def has_verbatim_run(text, length):
    """Return whether the text and the excerpt share a run of this many characters."""
    return any(text[start : start + length] in EXCERPT for start in range(len(text) - length + 1))
