"""What is measured: how each server is started and asked, and how big it is."""

import subprocess
import tempfile
from pathlib import Path

import wire
from process import Process, free_port

MIB = 1024 * 1024


class System:
    """One server. `headers` is asked once it runs, for what only it needs in a request."""

    name = ""
    language = ""
    note = ""
    question: wire.Question
    # What has to be built or installed for it.
    own_programs: tuple = ()
    rust_peer = ""
    runtime = ""

    def __init__(self, home, database=None):
        self.home = home
        self.database = database
        # For files of its own, for as long as the run takes.
        self.scratch = tempfile.TemporaryDirectory(prefix="bench-")
        self.directory = Path(self.scratch.name)

    def start(self, log: Path):
        return Http(self, log)

    def command(self, port: int) -> list:
        raise NotImplementedError

    def headers(self) -> dict:
        return {}

    def size(self) -> float:
        """MiB on disk of what has to be there for it to run."""
        return self.program().stat().st_size / MIB

    def program(self) -> Path:
        raise NotImplementedError


class Http:
    """A server that runs and is asked over HTTP."""

    def __init__(self, system: System, log: Path):
        self.system = system
        self.port = free_port()
        self.process = Process(system.command(self.port), log)
        self.first = b""

    def answered(self) -> bool:
        """Whether it answers a call by now, of the revision that needs no handshake."""
        try:
            self.first = self.first or self.requests("2026-07-28", self.system.headers())[0]
        except FileNotFoundError:
            return False
        return wire.answers(self.port, self.first, self.system.question.calls[0].mark)

    def asker(self, revision: str):
        """How to load it with calls of a revision: for so many clients, for so many seconds."""
        requests = b"".join(self.requests(revision, self.greeted(revision)))
        marks = [call.mark for call in self.system.question.calls]

        def ask(clients: int, seconds: float) -> dict:
            program = self.system.home.rust / "load"
            return wire.load([program, f"127.0.0.1:{self.port}", clients, seconds, *marks], requests, seconds)

        return ask

    def bodies(self, revision: str) -> list[str]:
        """Its answer to each call."""
        return [wire.exchange(self.port, request)[1] for request in self.requests(revision, self.greeted(revision))]

    def greeted(self, revision: str) -> dict:
        headers = self.system.headers()
        return {**headers, **wire.handshake(revision, self.port, headers)}

    def requests(self, revision: str, headers: dict) -> list[bytes]:
        question = self.system.question
        return [wire.call(question.tool, call.arguments, revision, self.port, headers) for call in question.calls]

    def stop(self):
        self.process.stop()


class Product(System):
    """`windlass serve`, with an API key and a policy that grants what is asked."""

    language = "Rust"
    own_programs = ("windlass",)
    key = ""

    def configuration(self) -> str:
        """What is in windlass.yaml besides the transport, keys, policy and store."""
        raise NotImplementedError

    def program(self):
        return self.home.own / "windlass"

    def command(self, port):
        file = self.directory / "windlass.yaml"
        if not self.key:
            tool = self.question.tool
            common = f"""
server: {{ transport: http }}
auth: {{ keys_file: keys }}
policy: {{ grants: [{{ to: ["key:bench"], tools: [{tool}] }}] }}
store: {{ directory: store }}
"""
            file.write_text(common + self.configuration())
            mint = [self.program(), "key", "new", "--name", "bench", "--file", self.directory / "keys"]
            told = subprocess.run(mint, check=True, capture_output=True, text=True, cwd=self.directory)
            words = (told.stdout + told.stderr).split()
            self.key = next(word for word in words if word.startswith("wdl_"))
        return [self.program(), "serve", "--config", file, "--set", f"server.port={port}"]

    def headers(self):
        return {"Authorization": f"Bearer {self.key}"}


class RustPeer(System):
    language = "Rust"

    def program(self):
        return self.home.rust / self.rust_peer

    def command(self, port):
        return [self.program(), port]


class Toolbox(System):
    name = "toolbox"
    language = "Go"
    runtime = "node"

    def configuration(self) -> Path:
        """The file of its sources and tools."""
        raise NotImplementedError

    def program(self):
        return self.home.node / "node_modules/@toolbox-sdk/server-linux-x64/bin/toolbox"

    def command(self, port):
        quiet = ["--log-level", "ERROR", "--disable-version-check", "--disable-reload"]
        return [self.program(), "--config", self.configuration(), "--port", port, *quiet]


def tree_size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())
