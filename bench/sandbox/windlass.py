"""Windlass's own sandboxes, over MCP: what is measured is what a client waits for."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from clock import OFTEN, Samples, pss_mib, tree

PYTHON = "python3 -c 'print(6*7)'"
MOST_OF_A_MINUTE = 45


class Server:
    """A server with a configuration, and one connection to it."""

    def __init__(self, home, backend: str, pool: dict):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.work = Path(tempfile.mkdtemp(prefix="bench-windlass-"))
        os.chmod(self.work, 0o711)
        sandbox = {
            "backend": backend, "image": str(home.image), "guest": str(home.guest), "directory": str(self.work / "boxes"),
            "pool": pool, "memory": "256MiB", "max_sandboxes": 200,
            "per_principal": {"count": 200, "memory": "64GiB", "vcpus": 500, "disk": "64GiB"},
        }
        settings = {
            "server": {"transport": "http", "port": port}, "limits": {"calls_per_minute": 1000000},
            "audit": {"file": str(self.work / "audit.jsonl")}, "store": {"directory": str(self.work / "store")}, "sandbox": sandbox,
        }
        file = self.work / "windlass.yaml"
        file.write_text(json.dumps(settings))
        self.log = open(self.work / "log", "wb")
        command = [str(home.program), "serve", "--config", str(file)]
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        self.port = port
        self.connection = self.connect()
        self.wait()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)

    def wait(self):
        for _ in range(600):
            try:
                self.connection.request("GET", "/ready")
                answer = self.connection.getresponse()
                said = answer.read()
                if answer.status == 200:
                    return
            except OSError:
                self.connection.close()
                said = b"it does not answer"
            if self.child.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"windlass is not ready: {said.decode()} {(self.work / 'log').read_text()[-2000:]}")

    def call(self, tool: str, **arguments) -> dict:
        result = self.ask(self.connection, tool, arguments)
        if result.get("isError"):
            raise RuntimeError(f"{tool}: {result['content'][0]['text']}")
        return result["structuredContent"]

    @staticmethod
    def ask(connection, tool: str, arguments: dict) -> dict:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        connection.request("POST", "/mcp", json.dumps(body), headers)
        said = connection.getresponse().read().decode()
        events = [line[5:] for line in said.splitlines() if line.startswith("data:") and line[5:].strip()]
        return json.loads(events[-1] if events else said)["result"]

    def stop(self):
        self.connection.close()
        os.killpg(self.child.pid, signal.SIGTERM)
        try:
            self.child.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        self.log.close()
        shutil.rmtree(self.work, ignore_errors=True)


class Windlass:
    language = "Rust"
    backend = ""
    boots = False

    def __init__(self, home):
        self.home = home

    def missing(self):
        return None if self.home.program.exists() else f"there is no {self.home.program}"

    def visit(self, times: int) -> list[dict]:
        samples = Samples()
        server = Server(self.home, self.backend, {"enabled": False})
        try:
            self.one_by_one(server, samples, times, "create from snapshot" if self.boots else "create cold")
            self.one_shots(server, samples, times, "")
            self.beside(server, samples, times, "create from snapshot" if self.boots else "create cold")
            if self.boots:
                # A size that nobody asked for before has to be booted.
                for more in range(2):
                    with samples.of("create cold"):
                        made = server.call("create_sandbox", memory_mib=300 + more + os.getpid() % 50)
                    server.call("destroy_sandbox", sandbox_id=made["sandbox_id"])
            self.memory(server, samples)
        finally:
            server.stop()
        server = Server(self.home, self.backend, {"min": 4, "max": 4, "boots": 2})
        try:
            for _ in range(times):
                self.until_warm(server)
                with samples.of("create warm"):
                    made = server.call("create_sandbox")
                server.call("destroy_sandbox", sandbox_id=made["sandbox_id"])
            self.one_shots(server, samples, times, ", warm", self.until_warm)
        finally:
            server.stop()
        # The pool as it is when nobody says anything.
        server = Server(self.home, self.backend, {})
        try:
            self.until_warm(server, 3)
            self.one_shots(server, samples, times, ", in a row")
        finally:
            server.stop()
        return samples.found

    def one_shots(self, server, samples, times, how, before=lambda server: None):
        for work, language, code in (("one shot", "bash", "true"), ("one shot python", "python", "print(6*7)")):
            for _ in range(times):
                before(server)
                with samples.of(work + how):
                    server.call("run_code", language=language, code=code)

    def beside(self, server, samples, times, create):
        """The same while another sandbox works for a minute, nearly to its end."""
        busy = server.call("create_sandbox")["sandbox_id"]
        line = {"sandbox_id": busy, "command": "while :; do :; done", "timeout_seconds": 60}
        connection = server.connect()
        works = threading.Thread(target=server.ask, args=(connection, "run_command", line))
        works.start()
        done, until = 0, time.monotonic() + MOST_OF_A_MINUTE
        while done < times or time.monotonic() < until:
            done += 1
            with samples.of(f"{create}, beside"):
                made = server.call("create_sandbox")
            for _ in range(OFTEN):
                with samples.of("exec, beside"):
                    server.call("run_command", sandbox_id=made["sandbox_id"], command="true")
            server.call("destroy_sandbox", sandbox_id=made["sandbox_id"])
        if not works.is_alive():
            raise RuntimeError("what should have gone on for a minute ended before the others were done")
        server.call("destroy_sandbox", sandbox_id=busy)
        works.join()
        connection.close()

    def one_by_one(self, server, samples, times, create):
        for _ in range(times):
            with samples.of(create):
                made = server.call("create_sandbox")
            sandbox = made["sandbox_id"]
            with samples.of("first exec"):
                server.call("run_command", sandbox_id=sandbox, command="true")
            for _ in range(OFTEN):
                with samples.of("exec"):
                    server.call("run_command", sandbox_id=sandbox, command="true")
            with samples.of("exec python"):
                server.call("run_command", sandbox_id=sandbox, command=PYTHON)
            with samples.of("destroy"):
                server.call("destroy_sandbox", sandbox_id=sandbox)

    def until_warm(self, server, wait=4):
        """Those that wait are children of the server, and none is being made."""
        for _ in range(1000):
            before = len(tree(server.child.pid))
            time.sleep(0.15 if self.boots else 0.03)
            if len(tree(server.child.pid)) == before > wait:
                return

    def memory(self, server, samples):
        count = 8
        before = pss_mib(tree(server.child.pid))
        made = [server.call("create_sandbox")["sandbox_id"] for _ in range(count)]
        for sandbox in made:
            server.call("run_command", sandbox_id=sandbox, command="true")
        samples.memory((pss_mib(tree(server.child.pid)) - before) / count)
        for sandbox in made:
            server.call("destroy_sandbox", sandbox_id=sandbox)


class Namespace(Windlass):
    name = "windlass-namespace"
    note = "sandboxes of the backend `namespace`, over MCP"
    backend = "namespace"


class Qemu(Windlass):
    name = "windlass-qemu"
    note = "sandboxes of the backend `qemu`, over MCP; emulated where there is no KVM"
    backend = "qemu"
    boots = True


SYSTEMS = (Namespace, Qemu)
