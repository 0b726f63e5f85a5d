"""A student in front of a browser, as far as the server can tell: forms, cookies, REST and websockets."""

import contextlib
import json
import uuid

import requests
import websocket

from tests.classroom.hub.machine import wait_for

HUB = "http://127.0.0.1:8000"
DIED = "the kernel died"


class Browser:
    """One student's session. Every method raises requests.HTTPError where the server refuses."""

    def __init__(self, name, password):
        self.name, self.password = name, password
        self.session = requests.Session()
        self.token = None

    def log_in(self):
        """Fill in the form of the login page, and get a token for the programs' interface."""
        self.session.get(f"{HUB}/hub/login").raise_for_status()
        form = {"username": self.name, "password": self.password, "_xsrf": self.session.cookies["_xsrf"]}
        self.session.post(f"{HUB}/hub/login", data=form, allow_redirects=False).raise_for_status()
        answer = self.session.post(
            f"{HUB}/hub/api/users/{self.name}/tokens",
            headers={"X-XSRFToken": self.session.cookies.get("_xsrf", path="/hub/"), "Referer": f"{HUB}/hub/token"},
        )
        answer.raise_for_status()
        self.token = answer.json()["token"]

    def call(self, method, path, /, **data):
        """Call the hub or a server with this student's token. Returns the answer, whatever its status is."""
        return requests.request(
            method, HUB + path, headers={"Authorization": f"token {self.token}"}, json=data or None, timeout=120
        )

    def ask(self, method, path, /, **data):
        """Call this student's own server. Returns what it answers."""
        answer = self.call(method, f"/user/{self.name}{path}", **data)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def order_server(self):
        """Ask for the server, without waiting for it."""
        self.call("POST", f"/hub/api/users/{self.name}/server").raise_for_status()

    def is_ready(self):
        """Whether the hub says that the server is ready."""
        return self.call("GET", f"/hub/api/users/{self.name}").json()["servers"].get("", {}).get("ready", False)

    def start_server(self):
        """Start the server and wait until it is ready."""
        self.order_server()
        wait_for(self.is_ready, seconds=300, pause=3)  # twenty of them ask

    def start_kernel(self):
        """Start a kernel in the folder of the notebooks. Returns its identifier."""
        return self.ask("POST", "/api/kernels", path="notebooks")["id"]

    def connect(self, kernel, name=None, timeout=300):
        """Open the websocket of a kernel: this student's, or the one of the student called `name`."""
        address = f"{HUB.replace('http', 'ws')}/user/{name or self.name}/api/kernels/{kernel}/channels"
        return websocket.create_connection(address, header={"Authorization": f"token {self.token}"}, timeout=timeout)

    def run(self, kernel, code, timeout=300):
        """Run code in a kernel. Returns what it prints, an error in its own words, or that the kernel has died."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": self.name, "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "channel": "shell", "content": content}
        printed = []
        with contextlib.closing(self.connect(kernel, timeout=timeout)) as connection:
            connection.send(json.dumps(message))
            while True:
                message = json.loads(connection.recv())
                content, kind = message["content"], message["msg_type"]
                if kind == "status" and content["execution_state"] in ("restarting", "dead"):
                    return DIED
                if message["parent_header"].get("msg_id") != header["msg_id"]:
                    continue
                if kind == "stream":
                    printed.append(content["text"])
                elif kind == "error":
                    printed.append(f"{content['ename']}: {content['evalue']}\n")
                elif kind == "status" and content["execution_state"] == "idle":
                    return "".join(printed)
