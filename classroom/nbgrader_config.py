"""nbgrader's settings for the course folder that grade.py makes."""

import sys
from pathlib import Path

from nbgrader import preprocessors as of_nbgrader
from nbgrader.converters import Autograde

sys.path.insert(0, str(Path(__file__).parent))
from execute import ConfinedExecute, OnlyVerdicts  # noqa: E402

c = get_config()  # noqa: F821  (nbgrader calls this file)
c.CourseDirectory.course_id = "deep-rnn"
c.CourseDirectory.db_url = "sqlite:///gradebook.db?timeout=60"  # in seconds: two submissions at a time write to it

c.OverwriteCells.add_missing_cells = True
steps = Autograde.autograde_preprocessors.default()
c.Autograde.autograde_preprocessors = [ConfinedExecute if step is of_nbgrader.Execute else step for step in steps]
c.ConfinedExecute.kernel_name = "confined"
c.ConfinedExecute.timeout = 60  # seconds for a cell, on a machine that may be busy; the reference takes ten for all

c.GenerateFeedback.preprocessors = [
    of_nbgrader.GetGrades,
    of_nbgrader.ClearHiddenTests,
    OnlyVerdicts,
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
