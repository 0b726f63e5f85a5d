"""One student tries to get at another's work. Everything is refused, although the attacker knows names and ports."""

import pytest
import requests
import websocket

from tests.classroom.hub.browser import HUB, Browser
from tests.classroom.hub.conftest import STUDENTS, TEACHER, unit_of
from tests.classroom.hub.machine import REPOSITORY

SECRET = "nobody but me may read this"
VICTIM, THIEF = STUDENTS[0], STUDENTS[1]
REFUSED = (401, 403, 404, 405)


@pytest.fixture(scope="module")
def victim(machine, servers, kernels):
    """A student with a secret in a file, in the common folder for temporary files and in a kernel."""
    browser = servers[VICTIM]
    browser.ask("PUT", "/api/contents/notebooks/diary.txt", type="file", format="text", content=SECRET)
    browser.run(kernels[VICTIM], f"secret = {SECRET!r}; open('/tmp/diary.txt', 'w').write(secret)")
    browser.port = (
        machine.run("bash", "-c", f"ss -ltnpH | grep pid={machine.main_process(unit_of(VICTIM))},")
        .stdout.split()[3]
        .split(":")[1]
    )
    return browser


OVER_HTTP = {
    "files": ("GET", "/user/{victim}/api/contents/notebooks/diary.txt"),
    "files as a download": ("GET", "/user/{victim}/files/notebooks/diary.txt"),
    "a step up from the own folder": ("GET", "/user/{thief}/api/contents/%2e%2e/{victim}/notebooks/diary.txt"),
    "two steps up, as a download": ("GET", "/user/{thief}/files/%2e%2e%2f{victim}%2fnotebooks%2fdiary.txt"),
    "kernels": ("GET", "/user/{victim}/api/kernels"),
    "a new kernel": ("POST", "/user/{victim}/api/kernels"),
    "a terminal": ("POST", "/user/{victim}/api/terminals"),
    "submissions": ("GET", "/user/{victim}/assignments?course_id=deep-rnn"),
    "stopping the server": ("DELETE", "/hub/api/users/{victim}/server"),
    "starting a server": ("POST", "/hub/api/users/{teacher}/server"),
    "a token": ("POST", "/hub/api/users/{victim}/tokens"),
    "the list of users": ("GET", "/hub/api/users"),
    "becoming an administrator": ("PATCH", "/hub/api/users/{thief}"),
    "ending the hub": ("POST", "/hub/api/shutdown"),
    "the hub's list of routes": ("GET", "/hub/api/proxy"),
}


@pytest.mark.parametrize("what", OVER_HTTP)
def test_a_token_of_another_student_opens_no(what, servers, victim):
    method, path = OVER_HTTP[what]
    answer = servers[THIEF].call(method, path.format(victim=VICTIM, thief=THIEF, teacher=TEACHER), admin=True)
    assert answer.status_code in REFUSED, answer.text
    assert SECRET not in answer.text
    assert victim.is_ready()


def test_a_browser_logged_in_as_another_student_is_refused(servers, victim):
    answer = servers[THIEF].session.get(f"{HUB}/user/{VICTIM}/files/notebooks/diary.txt")
    assert answer.status_code in REFUSED
    assert SECRET not in answer.text
    own = servers[THIEF].session.get(f"{HUB}/user/{THIEF}/lab/tree/notebooks/deep-rnn.ipynb")
    assert own.ok, "the same browser, on its own server"


def test_the_socket_of_a_kernel_is_refused(servers, victim, kernels):
    with pytest.raises(websocket.WebSocketBadStatusException) as error:
        servers[THIEF].connect(kernels[VICTIM], name=VICTIM)
    assert error.value.status_code == 403


@pytest.mark.parametrize("token", ["another student's", "none", "invented"])
def test_a_server_asked_past_the_proxy_refuses(servers, victim, token):
    token = {"another student's": servers[THIEF].token, "none": "", "invented": "0" * 32}[token]
    address = f"http://127.0.0.1:{victim.port}/user/{VICTIM}/files/notebooks/diary.txt"
    answer = requests.get(address, headers={"Authorization": f"token {token}"} if token else {}, allow_redirects=False)
    assert answer.status_code in (302, 403)  # 302: to the login page
    assert SECRET not in answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_proxy_takes_orders_from_the_hub_only(servers, method):
    address = f"http://127.0.0.1:8001/api/routes/user/{VICTIM}"
    answer = requests.request(
        method, address, json={"target": "http://127.0.0.1:1"}, headers={"Authorization": "token x"}
    )
    assert answer.status_code == 403


def test_an_invented_cookie_is_no_login(victim):
    for name in "jupyterhub-hub-login", f"jupyterhub-user-{VICTIM}", "jupyterhub-session-id":
        answer = requests.get(f"{HUB}/user/{VICTIM}/lab", cookies={name: f'"2|1:0|{VICTIM}"'}, allow_redirects=False)
        assert answer.status_code == 302
        assert "login" in answer.headers["Location"] or "oauth2/authorize" in answer.headers["Location"]


@pytest.mark.parametrize(
    ("name", "password"), [(VICTIM, "student01"), (VICTIM, ""), ("stranger", None), ("root", ""), ("nobody", "")]
)
def test_who_is_let_in_has_the_right_password_and_is_in_a_group(machine, name, password):
    with pytest.raises(requests.HTTPError) as error:
        Browser(name, machine.passwords[name] if password is None else password).log_in()
    assert error.value.response.status_code == 403


# Each prints what it gets. The thief is a user of the machine with a terminal, and writes any program.
ON_THE_MACHINE = {
    "read a file": "print(open('/home/{victim}/notebooks/diary.txt').read())",
    "list a home": "print(os.listdir('/home/{victim}'))",
    "write a file": "open('/home/{victim}/notebooks/diary.txt', 'w').write('mine')",
    "read through a link": "os.symlink('/home/{victim}/notebooks', 'theirs'); print(os.listdir('theirs'))",
    "open rights first": "os.chmod('/home/{victim}', 0o777)",
    "read temporary files": "print(open('/tmp/diary.txt').read())",
    "read the environment of a server": "print(open('/proc/{pid}/environ').read())",
    "read the command of a server": "print(open('/proc/{pid}/cmdline').read())",
    "end a server": "os.kill({pid}, 9)",
    "read a server's token": "print(open('/run/{unit}/{unit}.env').read())",
    "read the hub's secrets": "print(open('/etc/jupyterhub.env').read())",
    "read the hub's memory of sessions": "print(os.listdir('/var/lib/jupyterhub'))",
    "list submissions": "print(os.listdir('/srv/nbgrader/exchange/deep-rnn/inbound'))",
    "put the exchange aside": "os.rename('/srv/nbgrader/exchange/deep-rnn', '/srv/nbgrader/exchange/mine')",
    "change the package for all": "open('{repository}/d2l_helpers/__init__.py', 'a').write('')",
    "change the environment for all": "open(sys.prefix + '/pyvenv.cfg', 'a').write('')",
    "change the originals": "open('{repository}/notebooks/deep-rnn.ipynb', 'a').write('')",
    "raise the own limit": "open('{cgroups}/system.slice/{own}.service/memory.limit_in_bytes', 'w').write('-1')",
    "leave the own limit": "open('{cgroups}/cgroup.procs', 'w').write(str(os.getpid()))",
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


@pytest.mark.parametrize("what", ON_THE_MACHINE)
def test_a_student_with_a_terminal_cannot(what, machine, servers, kernels, victim):
    machine.run("install", "-d", "-o", TEACHER, "/srv/nbgrader/exchange/deep-rnn")
    if not machine.run("find", "/srv/nbgrader/exchange/deep-rnn", "-name", "inbound").stdout:
        machine.run("install", "-d", "-o", TEACHER, "-m", "733", "/srv/nbgrader/exchange/deep-rnn/inbound")
    names = {
        "victim": VICTIM,
        "pid": machine.main_process(unit_of(VICTIM)),
        "unit": unit_of(VICTIM),
        "own": unit_of(THIEF),
    }
    code = ON_THE_MACHINE[what].format(**names, repository=REPOSITORY, cgroups="/sys/fs/cgroup/memory")
    printed = servers[THIEF].run(kernels[THIEF], PRELUDE + code)
    refused = ("PermissionError", "FileNotFoundError", "ProcessLookupError", "OSError: [Errno 30]")
    assert printed.startswith(refused), printed
    assert SECRET not in printed
    assert victim.ask("GET", "/api/contents/notebooks/diary.txt")["content"] == SECRET


def test_nobody_listens_in_on_a_kernel(machine, servers, kernels, victim):
    """Where kernels use TCP ports, whoever subscribes to them is sent all that they print."""
    listen = """import subprocess, time, zmq
lines = subprocess.run(['ss', '-ltnH'], capture_output=True, text=True).stdout.splitlines()
ports = [line.split()[3].rpartition(':')[2] for line in lines]
sockets = []
for port in ports:
    sockets.append(zmq.Context.instance().socket(zmq.SUB))
    sockets[-1].subscribe(b'')
    sockets[-1].connect(f'tcp://127.0.0.1:{port}')
print(len(ports) > 3)"""
    assert servers[THIEF].run(kernels[THIEF], listen) == "True\n"
    assert victim.run(kernels[VICTIM], "print(secret)") == f"{SECRET}\n"
    hear = "time.sleep(1)\nprint([s.recv_multipart() for s in sockets if s.poll(0)])\n[s.close(0) for s in sockets]"
    assert servers[THIEF].run(kernels[THIEF], hear + ";") == "[]\n"


def test_systemd_tells_nobody_a_token(machine, victim):
    shown = machine.run("systemctl", "show", unit_of(VICTIM), user=THIEF, check=False).stdout
    commands = machine.run("ps", "axww", "-o", "command").stdout
    assert "JUPYTERHUB_API_TOKEN=" not in shown + commands


def test_a_link_in_place_of_the_folder_leads_nowhere(machine, servers, kernels, victim):
    browser = servers[STUDENTS[2]]
    trick = f"import os; os.rename('../notebooks', '../mine'); os.symlink('/home/{VICTIM}/notebooks', '../notebooks')"
    assert browser.run(kernels[browser.name], trick) == ""
    browser.call("DELETE", f"/hub/api/users/{browser.name}/server").raise_for_status()
    browser.start_server()
    assert victim.ask("GET", "/api/contents/notebooks/diary.txt")["content"] == SECRET
    names = [entry["name"] for entry in browser.ask("GET", "/api/contents/mine")["content"]]
    assert "deep-rnn.ipynb" in names, "the server runs, so that the student can put things right"
    kernels[browser.name] = browser.ask("POST", "/api/kernels")["id"]
    browser.run(kernels[browser.name], "import os; os.remove('notebooks'); os.rename('mine', 'notebooks')")
