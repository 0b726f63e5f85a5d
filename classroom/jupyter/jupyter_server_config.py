"""Configure the single-user servers; JUPYTER_CONFIG_PATH points to this directory."""

import grp
import os

c = get_config()  # noqa: F821

# Unix sockets in the student's own directory. Any user of the machine could read the output of kernels on TCP ports.
c.KernelManager.transport = "ipc"

# No language server is installed, and searching for one costs each server 0.7 CPU seconds.
c.LanguageServerManager.autodetect = False

# Students cannot use the grading pages.
is_teacher = "teachers" in {grp.getgrgid(group).gr_name for group in os.getgroups()}
c.ServerApp.jpserver_extensions = {
    "nbgrader.server_extensions.formgrader": is_teacher,
    "nbgrader.server_extensions.course_list": is_teacher,
}
