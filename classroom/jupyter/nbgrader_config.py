"""Configure nbgrader's course and exchange directory from the environment variables that the hub sets."""

import os
from pathlib import Path

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = os.environ["NBGRADER_COURSE"]
c.CourseDirectory.root = str(Path.home() / "course")  # exists only for teachers
c.Exchange.root = os.environ["NBGRADER_EXCHANGE"]
