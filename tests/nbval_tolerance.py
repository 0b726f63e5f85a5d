"""nbval, taught to compare numbers within a tolerance and predicted text by what it says.

nbval executes each cell of a notebook and compares what it prints with what is stored, letter
by letter. Training does not repeat to the letter on another processor: sums are rounded in
another order, and a network that learns by heart amplifies the difference. So a line here
agrees with its stored twin

- if its seconds differ in any way: they are never compared;
- if its other numbers with a decimal point differ by no more than the tolerance that the
  cell's metadata give, `"tolerance": {"rtol": 0.01, "atol": 0.0}` (none: not at all), while
  whole numbers and all words are the same;
- if they are continuations (they begin with " - "), by the rule below.

What agrees is replaced by its stored twin, and then nbval compares as it always does.

A continuation has to share a piece of at least SHARED_PIECE characters with the book, and in each
report at least one has to share a piece of LONG_PIECE or to be the stored one.

Measured at epoch 500 of deep-rnn.ipynb on processors of several kinds: a Xeon with AVX-512, whose run
is stored, and an EPYC with oneDNN held to the instructions of older ones (DNNL_MAX_CPU_ISA), on one
thread and on two (length of the longest shared piece; "all" where the whole continuation with its
prefix stands in the book):

    instructions   AVX-512   SSE41   SSE41     AVX     AVX    AVX2    AVX2
    threads                      1       2       1       2       1       2
    perplexity      1.0133  1.0176  1.0176  1.0131  1.0131  1.0156  1.0129
    traveller           48      45      45      31      31     all     all
    time traveller     all     all     all     all     all      43     all

SSE41 and AVX give the same bits on one thread and on two; AVX2 does not. So these are five ways of
rounding; perplexity scatters by 0.2 % (one standard deviation) around 1.0145. A tolerance of 1.5 % is
more than six of them, and still far from the 1.24 of epoch 200. A continuation is whole six times in
ten: to ask for it would fail honest runs. (Ten seeds on the Xeon scattered less, by 0.13 %; among them
`time traveller` shared 17 characters once.) Of the reports at epoch 100 (perplexity 7) none shares more
than 16 characters in either continuation; text that was made up shares about ten.

The other notebooks were executed in the same six ways, and each cell's tolerance is at least twice the
greatest difference from what is stored.
"""

import contextlib
import copy
import math
import re
import shutil
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from queue import Empty

import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile

ROOT = Path(__file__).resolve().parent.parent
BOOK = (ROOT / "d2l_helpers" / "time_machine.txt").read_text(encoding="utf-8").replace("\n", " ").lower()
SHARED_PIECE = 15
LONG_PIECE = 30

# `make test` cannot wait for 3,000 epochs, nor for four seeds of everything. It changes these numbers while it
# collects a notebook, and compares the reports that the shorter run makes, or the means and ranges over two seeds
# with those over four; `make test-full` changes nothing.
SHORTENED = {"deep-rnn.ipynb": {"num_epochs": 500}, "depth-study.ipynb": {"seeds": [1, 4]}}

# A sweep does not repeat what it finds finished in its folder. A test has to compute, so a cell with the tag
# "fresh-folder" gets another `folder`, a new one below this one.
FOLDERS = ROOT / "build" / "nbval"

SECONDS = re.compile(r"\d+(?:\.\d+)?(?= ?(?:sec|s|ms|minutes)\b)")
DECIMAL = re.compile(r"((?<![\w.])[-+]?\d+\.\d+(?:e[-+]?\d+)?(?![\w]))")
CONTINUATION = " - "


def agrees(stored, new, rtol=0.0, atol=0.0):
    """Whether two printed texts agree by the rules above."""
    stored_lines, new_lines = stored.splitlines(), new.splitlines()
    if len(stored_lines) != len(new_lines):
        return False
    report = []
    for stored_line, new_line in zip([*stored_lines, ""], [*new_lines, ""], strict=True):
        if stored_line.startswith(CONTINUATION) and new_line.startswith(CONTINUATION):
            report.append((stored_line, new_line))
        elif not numbers_agree(stored_line, new_line, rtol, atol) or not continuations_agree(report):
            return False
        else:
            report = []
    return True


def numbers_agree(stored, new, rtol, atol):
    """Whether two lines have the same words, and numbers within the tolerance."""
    stored, new = (DECIMAL.split(SECONDS.sub("?", line)) for line in (stored, new))
    return len(stored) == len(new) and all(
        math.isclose(float(a), float(b), rel_tol=rtol, abs_tol=atol) if i % 2 else a.split() == b.split()
        for i, (a, b) in enumerate(zip(stored, new, strict=True))
    )


def continuations_agree(report):
    """Whether the continuations of one report, pairs of (stored, new), are as good as the stored ones."""
    shared = [
        len(new) if new == stored else longest_shared_piece(new.removeprefix(CONTINUATION)) for stored, new in report
    ]
    return not report or (max(shared) >= LONG_PIECE and min(shared) >= SHARED_PIECE)


def longest_shared_piece(text):
    """The length of the longest piece of a text that stands in the book."""
    matcher = SequenceMatcher(None, text, BOOK, autojunk=False)
    return matcher.find_longest_match(0, len(text), 0, len(BOOK)).size


def reports_until(text, last_epoch):
    """The text without the reports of epochs after the last one."""
    lines, keep = [], True
    for line in text.splitlines(keepends=True):
        epoch = re.match(r"epoch (\d+),", line)
        keep = keep if epoch is None else int(epoch[1]) <= last_epoch
        lines += [line] if keep else []
    return "".join(lines)


def history_after(text, epochs, perplexity):
    """The line of a History as it would be, had the run ended after these epochs with this perplexity."""
    return re.sub(
        r"^History: \d+ epochs, perplexity [\d.]+", f"History: {epochs} epochs, perplexity {perplexity}", text
    )


class TolerantCell(IPyNbCell):
    """A notebook cell whose printed numbers may differ within a tolerance."""

    def compare_outputs(self, test, ref, skip_compare=None):
        """As nbval's, after what agrees has been made the same."""
        ref = copy.deepcopy(ref)
        last_epoch = self.parent.shortened.get("num_epochs")
        report = []
        for stored, new in zip(ref, test, strict=False):
            if last_epoch and stored.get("name") == "stdout":
                stored.text = reports_until(stored.text, last_epoch)
                report = re.findall(r"epoch (\d+), perplexity ([\d.]+)", stored.text)[-1:]
            elif last_epoch and "data" in stored and report:
                stored.data["text/plain"] = history_after(stored.data["text/plain"], *report[0])
            for fields, new_fields in ((stored, new), (stored.get("data", {}), new.get("data", {}))):
                for key in {"text", "text/plain"} & fields.keys() & new_fields.keys():
                    if agrees(fields[key], new_fields[key], **self.cell.metadata.get("tolerance", {})):
                        new_fields[key] = fields[key]
        return super().compare_outputs(test, ref, skip_compare)


def await_reply(kernel, msg_id, timeout):
    """As nbval's, but however long a cell takes; a kernel that has died is noticed instead."""
    while kernel.is_alive():
        with contextlib.suppress(Empty):
            return RunningKernel.await_reply(kernel, msg_id, timeout=1)
    raise RuntimeError("The kernel has died.")


class TolerantNotebook(IPyNbFile):
    """A notebook of tolerant cells, with the numbers in SHORTENED changed."""

    def setup(self):
        """As nbval's, in a fresh folder, and without a limit of time."""
        shutil.rmtree(FOLDERS / self.path.stem, ignore_errors=True)
        super().setup()
        self.kernel.await_reply = partial(await_reply, self.kernel)

    def collect(self):
        """As nbval's."""
        full = self.config.getoption("--full-training")
        self.shortened = {} if full else SHORTENED.get(self.path.name, {})
        for item in super().collect():
            tags = item.cell.metadata.get("tags", [])
            if "parameters" in tags:
                item.cell.source += "".join(f"\n{name} = {value}" for name, value in self.shortened.items())
            if "fresh-folder" in tags:
                item.cell.source += f"\nfolder = {str(FOLDERS / self.path.stem)!r}"
            cell = TolerantCell.from_parent(
                self, name=item.name, cell_num=item.cell_num, cell=item.cell, options=item.options
            )
            cell.output_timeout = 600  # seconds from a cell's end until all that it printed is here
            if "may-fail" in tags:
                cell.add_marker(pytest.mark.xfail(reason="an honest run can fail here: see the table above the rule"))
            yield cell


def pytest_addoption(parser):
    parser.addoption("--full-training", action="store_true", help="leave the notebooks' numbers of epochs as they are")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    collectors = yield
    return [
        TolerantNotebook.from_parent(parent, path=file_path) if type(collector) is IPyNbFile else collector
        for collector in collectors
    ]
