"""nbgrader's settings for the course folder that grade.py makes."""

import sys
from pathlib import Path

from nbgrader.preprocessors import (
    AssignLatePenalties, CheckCellMetadata, ClearHiddenTests, GetGrades, IgnorePattern, LimitOutput, SaveAutoGrades,
)  # fmt: skip

sys.path.insert(0, str(Path(__file__).parent))
from execute import ConfinedExecute, OnlyVerdicts  # noqa: E402

c = get_config()  # noqa: F821  (nbgrader calls this file)
c.CourseDirectory.course_id = "deep-rnn"
c.CourseDirectory.db_url = "sqlite:///gradebook.db?timeout=60"  # in seconds: two submissions at a time write to it

c.OverwriteCells.add_missing_cells = True
c.Autograde.autograde_preprocessors = [
    ConfinedExecute, IgnorePattern, LimitOutput, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata
]  # fmt: skip
c.ConfinedExecute.timeout = 60  # seconds for a cell, on a machine that may be busy; the reference takes ten for all
c.ConfinedExecute.kernel_name = "confined"

c.GenerateFeedback.preprocessors = [GetGrades, ClearHiddenTests, OnlyVerdicts, "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor"]
