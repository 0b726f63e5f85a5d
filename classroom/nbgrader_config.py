"""nbgrader's settings for the course folder that grade.py makes."""

import sys
from pathlib import Path

from nbgrader import preprocessors as of_nbgrader
from nbgrader.converters import Autograde

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from execute import ConfinedExecute, Deduplicate, OnlyVerdicts  # noqa: E402

from tools.export_html import markdown2html  # noqa: E402

c = get_config()  # noqa: F821  (nbgrader calls this file)
c.CourseDirectory.course_id = "deep-rnn"
c.CourseDirectory.db_url = "sqlite:///gradebook.db?timeout=60"  # in seconds: two submissions at a time write to it

c.OverwriteCells.add_missing_cells = True
ours = {of_nbgrader.Execute: ConfinedExecute, of_nbgrader.DeduplicateIds: Deduplicate}
c.Autograde.sanitize_preprocessors = [ours.get(step, step) for step in Autograde.sanitize_preprocessors.default()]
c.Autograde.autograde_preprocessors = [ours.get(step, step) for step in Autograde.autograde_preprocessors.default()]
c.ConfinedExecute.kernel_name = "confined"
# In seconds, for a cell and for what it prints, on a machine that may be busy: the reference takes ten for all.
c.ConfinedExecute.timeout, c.ConfinedExecute.iopub_timeout = 60, 20

c.GenerateFeedback.preprocessors = [
    of_nbgrader.GetGrades,
    of_nbgrader.ClearHiddenTests,
    OnlyVerdicts,
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
# Formulas as MathML: students read their pages without a network, too.
c.HTMLExporter.filters = {"markdown2html": markdown2html}
