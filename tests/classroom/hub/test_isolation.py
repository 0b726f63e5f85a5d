"""Test that no student can access another student's work, even with all names, ports, and process IDs."""

import pytest
import requests
import websocket

from tests.classroom.hub.browser import HUB, Browser
from tests.classroom.hub.conftest import STUDENTS, TEACHER, unit_name
from tests.classroom.hub.systemd_container import REPOSITORY

SECRET = "only the owner may read this"
VICTIM, ATTACKER = STUDENTS[0], STUDENTS[1]
REJECTED = (401, 403, 404, 405)


@pytest.fixture(scope="module")
def victim(container, servers, kernels):
    """Return the browser of a student with a secret in a file, in /tmp, and in a kernel."""
    browser = servers[VICTIM]
    browser.request_server("PUT", "/api/contents/notebooks/diary.txt", type="file", format="text", content=SECRET)
    browser.run(kernels[VICTIM], f"secret = {SECRET!r}; open('/tmp/diary.txt', 'w').write(secret)")
    sockets = container.run("bash", "-c", f"ss -ltnpH | grep pid={container.main_pid(unit_name(VICTIM))},").stdout
    browser.port = sockets.split()[3].split(":")[1]
    return browser


HTTP_REQUESTS = {
    "a file": ("GET", "/user/{victim}/api/contents/notebooks/diary.txt"),
    "a download": ("GET", "/user/{victim}/files/notebooks/diary.txt"),
    "a file in the parent directory": ("GET", "/user/{attacker}/api/contents/%2e%2e/{victim}/notebooks/diary.txt"),
    "a download from the parent directory": ("GET", "/user/{attacker}/files/%2e%2e%2f{victim}%2fnotebooks%2fdiary.txt"),
    "kernels": ("GET", "/user/{victim}/api/kernels"),
    "a new kernel": ("POST", "/user/{victim}/api/kernels"),
    "a terminal": ("POST", "/user/{victim}/api/terminals"),
    "submissions": ("GET", "/user/{victim}/assignments?course_id=deep-rnn"),
    "stop a server": ("DELETE", "/hub/api/users/{victim}/server"),
    "start a server": ("POST", "/hub/api/users/{teacher}/server"),
    "a token": ("POST", "/hub/api/users/{victim}/tokens"),
    "the list of users": ("GET", "/hub/api/users"),
    "become an administrator": ("PATCH", "/hub/api/users/{attacker}"),
    "shut down the hub": ("POST", "/hub/api/shutdown"),
    "the hub's list of routes": ("GET", "/hub/api/proxy"),
}


@pytest.mark.parametrize("attempt", HTTP_REQUESTS)
def test_the_token_of_another_student_is_rejected(attempt, servers, victim):
    method, path = HTTP_REQUESTS[attempt]
    response = servers[ATTACKER].request(
        method, path.format(victim=VICTIM, attacker=ATTACKER, teacher=TEACHER), admin=True
    )
    assert response.status_code in REJECTED, response.text
    assert SECRET not in response.text
    assert victim.is_ready()


def test_the_session_of_another_student_is_rejected(servers, victim):
    response = servers[ATTACKER].session.get(f"{HUB}/user/{VICTIM}/files/notebooks/diary.txt")
    assert response.status_code in REJECTED
    assert SECRET not in response.text
    response = servers[ATTACKER].session.get(f"{HUB}/user/{ATTACKER}/lab/tree/notebooks/deep-rnn.ipynb")
    assert response.ok, "the same session, on the student's own server"


def test_the_websocket_of_another_kernel_is_rejected(servers, victim, kernels):
    with pytest.raises(websocket.WebSocketBadStatusException) as error:
        servers[ATTACKER].connect(kernels[VICTIM], name=VICTIM)
    assert error.value.status_code == 403


@pytest.mark.parametrize("token", ["another student's", "none", "invented"])
def test_a_request_that_bypasses_the_proxy_is_rejected(servers, victim, token):
    token = {"another student's": servers[ATTACKER].token, "none": "", "invented": "0" * 32}[token]
    address = f"http://127.0.0.1:{victim.port}/user/{VICTIM}/files/notebooks/diary.txt"
    response = requests.get(
        address, headers={"Authorization": f"token {token}"} if token else {}, allow_redirects=False
    )
    assert response.status_code in (302, 403)  # 302: to the login page
    assert SECRET not in response.text


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_proxy_accepts_commands_only_from_the_hub(servers, method):
    address = f"http://127.0.0.1:8001/api/routes/user/{VICTIM}"
    response = requests.request(
        method, address, json={"target": "http://127.0.0.1:1"}, headers={"Authorization": "token x"}
    )
    assert response.status_code == 403


def test_an_invented_cookie_is_rejected(victim):
    for name in "jupyterhub-hub-login", f"jupyterhub-user-{VICTIM}", "jupyterhub-session-id":
        response = requests.get(f"{HUB}/user/{VICTIM}/lab", cookies={name: f'"2|1:0|{VICTIM}"'}, allow_redirects=False)
        assert response.status_code == 302
        assert "login" in response.headers["Location"] or "oauth2/authorize" in response.headers["Location"]


@pytest.mark.parametrize(
    ("name", "password"), [(VICTIM, "student01"), (VICTIM, ""), ("stranger", None), ("root", ""), ("nobody", "")]
)
def test_login_requires_the_password_and_a_group(container, name, password):
    with pytest.raises(requests.HTTPError) as error:
        Browser(name, container.passwords[name] if password is None else password).log_in()
    assert error.value.response.status_code == 403


# Code that prints what it can access. The attacker is a user of the machine who can run any program.
LOCAL_ATTACKS = {
    "read a file": "print(open('/home/{victim}/notebooks/diary.txt').read())",
    "list a home directory": "print(os.listdir('/home/{victim}'))",
    "write a file": "open('/home/{victim}/notebooks/diary.txt', 'w').write('mine')",
    "read through a symbolic link": "os.symlink('/home/{victim}/notebooks', 'link'); print(os.listdir('link'))",
    "change permissions": "os.chmod('/home/{victim}', 0o777)",
    "read temporary files": "print(open('/tmp/diary.txt').read())",
    "read the environment of a server": "print(open('/proc/{pid}/environ').read())",
    "read the command of a server": "print(open('/proc/{pid}/cmdline').read())",
    "kill a server": "os.kill({pid}, 9)",
    "read a server's token": "print(open('/run/{unit}/{unit}.env').read())",
    "read the hub's secrets": "print(open('/etc/jupyterhub.env').read())",
    "list the hub's state": "print(os.listdir('/var/lib/jupyterhub'))",
    "list submissions": "print(os.listdir('/srv/nbgrader/exchange/deep-rnn/inbound'))",
    "rename the exchange": "os.rename('/srv/nbgrader/exchange/deep-rnn', '/srv/nbgrader/exchange/mine')",
    "change the package": "open('{repository}/d2l_helpers/__init__.py', 'a').write('')",
    "change the environment": "open(sys.prefix + '/pyvenv.cfg', 'a').write('')",
    "change the original notebooks": "open('{repository}/notebooks/deep-rnn.ipynb', 'a').write('')",
    "raise the memory limit": "open('{cgroups}/system.slice/{own}.service/memory.limit_in_bytes', 'w').write('-1')",
    "leave the cgroup": "open('{cgroups}/cgroup.procs', 'w').write(str(os.getpid()))",
    "become root": "os.setuid(0)",
    "stop a unit": "run('systemctl', 'stop', '{unit}')",
    "start a unit": "run('systemd-run', '--uid={victim}', 'cat', '/home/{victim}/notebooks/diary.txt')",
    "become another user": "run('su', '{victim}', '-c', 'true')",
}
PRELUDE = """import os, subprocess, sys
def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise PermissionError(done.stderr)
    print('done', done.stdout)
"""


@pytest.mark.parametrize("attempt", LOCAL_ATTACKS)
def test_a_local_attack_fails(attempt, container, servers, kernels, victim):
    container.run("install", "-d", "-o", TEACHER, "/srv/nbgrader/exchange/deep-rnn")
    if not container.run("find", "/srv/nbgrader/exchange/deep-rnn", "-name", "inbound").stdout:
        container.run("install", "-d", "-o", TEACHER, "-m", "733", "/srv/nbgrader/exchange/deep-rnn/inbound")
    names = {
        "victim": VICTIM,
        "pid": container.main_pid(unit_name(VICTIM)),
        "unit": unit_name(VICTIM),
        "own": unit_name(ATTACKER),
    }
    code = LOCAL_ATTACKS[attempt].format(**names, repository=REPOSITORY, cgroups="/sys/fs/cgroup/memory")
    printed = servers[ATTACKER].run(kernels[ATTACKER], PRELUDE + code)
    rejected = ("PermissionError", "FileNotFoundError", "ProcessLookupError", "OSError: [Errno 30]")
    assert printed.startswith(rejected), printed
    assert SECRET not in printed
    assert victim.request_server("GET", "/api/contents/notebooks/diary.txt")["content"] == SECRET


def test_no_student_can_read_the_messages_of_a_kernel(container, servers, kernels, victim):
    """A kernel on a TCP port would send its output to every subscriber."""
    subscribe = """import subprocess, time, zmq
lines = subprocess.run(['ss', '-ltnH'], capture_output=True, text=True).stdout.splitlines()
ports = [line.split()[3].rpartition(':')[2] for line in lines]
sockets = []
for port in ports:
    sockets.append(zmq.Context.instance().socket(zmq.SUB))
    sockets[-1].subscribe(b'')
    sockets[-1].connect(f'tcp://127.0.0.1:{port}')
print(len(ports) > 3)"""
    assert servers[ATTACKER].run(kernels[ATTACKER], subscribe) == "True\n"
    assert victim.run(kernels[VICTIM], "print(secret)") == f"{SECRET}\n"
    receive = "time.sleep(1)\nprint([s.recv_multipart() for s in sockets if s.poll(0)])\n[s.close(0) for s in sockets]"
    assert servers[ATTACKER].run(kernels[ATTACKER], receive + ";") == "[]\n"


def test_systemd_reveals_no_token(container, victim):
    shown = container.run("systemctl", "show", unit_name(VICTIM), user=ATTACKER, check=False).stdout
    commands = container.run("ps", "axww", "-o", "command").stdout
    assert "JUPYTERHUB_API_TOKEN=" not in shown + commands


def test_a_symbolic_link_instead_of_the_notebook_directory_gives_no_access(container, servers, kernels, victim):
    browser = servers[STUDENTS[2]]
    replace_directory = (
        f"import os; os.rename('../notebooks', '../mine'); os.symlink('/home/{VICTIM}/notebooks', '../notebooks')"
    )
    assert browser.run(kernels[browser.name], replace_directory) == ""
    browser.request("DELETE", f"/hub/api/users/{browser.name}/server").raise_for_status()
    browser.start_server()
    assert victim.request_server("GET", "/api/contents/notebooks/diary.txt")["content"] == SECRET
    names = [entry["name"] for entry in browser.request_server("GET", "/api/contents/mine")["content"]]
    assert "deep-rnn.ipynb" in names, "the server must start so that the student can undo the change"
    kernels[browser.name] = browser.request_server("POST", "/api/kernels")["id"]
    browser.run(kernels[browser.name], "import os; os.remove('notebooks'); os.rename('mine', 'notebooks')")
