"""What is different in a server of the class; JUPYTER_CONFIG_PATH leads here."""

import grp
import os

c = get_config()  # noqa: F821

# Kernels talk through files in the student's own folder. Their TCP ports would let every user of the machine listen in.
c.KernelManager.transport = "ipc"

# No language server is installed; looking for them cost every server 0.7 processor seconds.
c.LanguageServerManager.autodetect = False

# Marking is the teachers': for students these two are pages that do not work.
is_teacher = "teachers" in {grp.getgrgid(group).gr_name for group in os.getgroups()}
c.ServerApp.jpserver_extensions = {
    "nbgrader.server_extensions.formgrader": is_teacher,
    "nbgrader.server_extensions.course_list": is_teacher,
}
