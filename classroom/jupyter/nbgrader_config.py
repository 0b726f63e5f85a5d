"""Where assignments are handed out and handed in; the hub says it in the environment of each server."""

import os
from pathlib import Path

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = os.environ["NBGRADER_COURSE"]
c.CourseDirectory.root = str(Path.home() / "course")  # the teacher's; students have none
c.Exchange.root = os.environ["NBGRADER_EXCHANGE"]
