"""Configure nbgrader for the course directory that grade.py creates."""

import sys
from pathlib import Path

from nbgrader import preprocessors as nbgrader_preprocessors
from nbgrader.converters import Autograde

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from preprocessors import HideOutputs, RemoveDuplicates, SandboxedExecute  # noqa: E402

from tools.export_html import markdown2html  # noqa: E402

c = get_config()  # noqa: F821  (defined by nbgrader)
c.CourseDirectory.course_id = "deep-rnn"
c.CourseDirectory.db_url = "sqlite:///gradebook.db?timeout=60"  # seconds; several submissions write at the same time

c.OverwriteCells.add_missing_cells = True
replacements = {
    nbgrader_preprocessors.Execute: SandboxedExecute,
    nbgrader_preprocessors.DeduplicateIds: RemoveDuplicates,
}
for name in ("sanitize_preprocessors", "autograde_preprocessors"):
    c.Autograde[name] = [replacements.get(step, step) for step in getattr(Autograde, name).default()]
c.SandboxedExecute.kernel_name = "sandboxed"
# Seconds per cell and per output, with a margin for CPU contention. The reference solution takes ten seconds in total.
c.SandboxedExecute.timeout, c.SandboxedExecute.iopub_timeout = 60, 20

c.GenerateFeedback.preprocessors = [
    nbgrader_preprocessors.GetGrades,
    nbgrader_preprocessors.ClearHiddenTests,
    HideOutputs,
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
c.HTMLExporter.filters = {"markdown2html": markdown2html}  # MathML, so that feedback pages also work offline
