"""Emulate a student's browser: forms, cookies, REST requests, and websockets."""

import contextlib
import json
import uuid

import requests
import websocket

from tests.classroom.hub.systemd_container import wait_for

HUB = "http://127.0.0.1:8000"
KERNEL_DIED = "the kernel died"


class Browser:
    """The session of one user; methods raise requests.HTTPError if the server refuses a request."""

    def __init__(self, name, password):
        self.name, self.password = name, password
        self.session = requests.Session()
        self.token = None

    def log_in(self):
        """Submit the login form and request an API token."""
        self.session.get(f"{HUB}/hub/login").raise_for_status()
        form = {"username": self.name, "password": self.password, "_xsrf": self.session.cookies["_xsrf"]}
        self.session.post(f"{HUB}/hub/login", data=form, allow_redirects=False).raise_for_status()
        response = self.session.post(
            f"{HUB}/hub/api/users/{self.name}/tokens",
            headers={"X-XSRFToken": self.session.cookies.get("_xsrf", path="/hub/"), "Referer": f"{HUB}/hub/token"},
        )
        response.raise_for_status()
        self.token = response.json()["token"]

    def request(self, method, path, /, **data):
        """Send a request with this user's token to the hub or a server, and return the response without checking it."""
        return requests.request(
            method, HUB + path, headers={"Authorization": f"token {self.token}"}, json=data or None, timeout=120
        )

    def request_server(self, method, path, /, **data):
        """Send a request to this user's own server, and return the decoded response."""
        response = self.request(method, f"/user/{self.name}{path}", **data)
        response.raise_for_status()
        return response.json() if response.content else None

    def is_ready(self):
        """Return whether the hub reports that the server is ready."""
        return self.request("GET", f"/hub/api/users/{self.name}").json()["servers"].get("", {}).get("ready", False)

    def start_server(self):
        """Start the server and wait until it is ready."""
        self.request("POST", f"/hub/api/users/{self.name}/server").raise_for_status()
        wait_for(self.is_ready, seconds=300, pause=3)  # twenty users poll at the same time

    def start_kernel(self):
        """Start a kernel in the directory of the notebooks, and return its ID."""
        return self.request_server("POST", "/api/kernels", path="notebooks")["id"]

    def connect(self, kernel, name=None, timeout=300):
        """Open the websocket of a kernel of this user or of the user `name`."""
        address = f"{HUB.replace('http', 'ws')}/user/{name or self.name}/api/kernels/{kernel}/channels"
        return websocket.create_connection(address, header={"Authorization": f"token {self.token}"}, timeout=timeout)

    def run(self, kernel, code, timeout=300):
        """Run code in a kernel, and return its printed output and error message, or KERNEL_DIED."""
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
                    return KERNEL_DIED
                if message["parent_header"].get("msg_id") != header["msg_id"]:
                    continue
                if kind == "stream":
                    printed.append(content["text"])
                elif kind == "error":
                    printed.append(f"{content['ename']}: {content['evalue']}\n")
                elif kind == "status" and content["execution_state"] == "idle":
                    return "".join(printed)
