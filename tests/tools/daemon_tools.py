"""What the tests of the daemon and ci/bench/kill_loop.py share: a work folder, a daemon process, its control socket."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
AIVP = os.environ.get("AIVP", str(ROOT / "build/dev/tools/aivp/aivp"))
AIVPD = os.environ.get("AIVPD", str(ROOT / "build/dev/tools/aivpd/aivpd"))

SKILL = """schema_version: skill.v1
id: {id}
version: 1.0.0
summary: {id} of the test's world.
permissions: {{{connector}: use}}
risk: {{level: low}}
effect: {effect}
takes_key: {takes_key}
timeout: {timeout}
inputs:
  type: object
  required: [order]
  properties:
    order: {{type: string}}
    text: {{type: string}}
outputs:
  type: object
"""

STEPS = """schema_version: v1alpha1
id: {id}
name: {id}
trigger: {{type: manual, queue_max: 10000}}
steps:
"""


def skill(name, effect="write", takes_key=True, timeout="30s"):
    return SKILL.format(id=name, connector=name.split(".")[0], effect=effect, takes_key=str(takes_key).lower(), timeout=timeout)


def steps_agent(name, skills, arguments="{order: \"${trigger.order}\"}"):
    return STEPS.format(id=name) + "".join(f"  - {{id: step{i}, skill: {s}, with: {arguments}}}\n" for i, s in enumerate(skills))


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("daemon", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """One aivpd on a folder. Ended by its process id, never by name."""

    def __init__(self, folder, log=None):
        self.folder = pathlib.Path(folder)
        self.socket = str(self.folder / ".aivp/control.sock")
        self.log_path = pathlib.Path(log) if log else self.folder / "aivpd.log"
        self.process = None

    def start(self, wait=10.0):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([AIVPD, "serve", "--foreground"], cwd=self.folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        if wait:
            self.wait_ready(wait)
        return self

    def wait_ready(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"aivpd ended with {self.process.returncode}\n{self.log_text()[-2000:]}")
            try:
                status, answer = self.ask("GET", "/v1/status", timeout=1.0)
                if status == 200 and answer["pid"] == self.process.pid:
                    return answer
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)
        raise RuntimeError("aivpd does not answer\n" + self.log_text()[-2000:])

    def ask(self, method, target, body=None, timeout=10.0):
        connection = UnixConnection(self.socket, timeout)
        try:
            connection.request(method, target, None if body is None else json.dumps(body),
                               {} if body is None else {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None
        finally:
            connection.close()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=20):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
