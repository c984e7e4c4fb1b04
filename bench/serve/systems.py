"""What is measured: how each server is started, and how big it is."""

import subprocess
import tempfile
from pathlib import Path

from install import PEERS, Home
from wire import ECHO, Question

MIB = 1024 * 1024


class System:
    """One server. `headers` is asked once it runs, for what only it needs in a request."""

    name = ""
    language = ""
    note = ""
    question = ECHO

    def __init__(self, home: Home):
        self.home = home

    def command(self, port: int) -> list:
        raise NotImplementedError

    def headers(self) -> dict:
        return {}

    def size(self) -> float:
        """MiB on disk of what has to be there for it to run."""
        return self.program().stat().st_size / MIB

    def program(self) -> Path:
        raise NotImplementedError


class Windlass(System):
    name = "windlass"
    language = "Rust"
    note = "the whole gate: an API key, a policy that grants the tool, arguments checked against the schema, an audit line"

    def __init__(self, home: Home):
        super().__init__(home)
        self.scratch = tempfile.TemporaryDirectory(prefix="bench-")
        self.key = Path(self.scratch.name) / "key"

    def program(self):
        return self.home.own / "windlass-bench-server"

    def command(self, port):
        self.key.unlink(missing_ok=True)
        return [self.program(), "--port", port, "--key-file", self.key]

    def headers(self):
        return {"Authorization": f"Bearer {self.key.read_text().strip()}"}

    def size(self):
        return (self.home.own / "windlass").stat().st_size / MIB


CONFIGURATION = """
server: { transport: http }
auth: { keys_file: keys }
policy: { grants: [{ to: ["key:bench"], tools: [list_commands] }] }
store: { directory: store }
shell: { directory: ".", commands: [ls] }
"""


class WindlassServe(System):
    name = "windlass-serve"
    language = "Rust"
    note = (
        "the product itself, `windlass serve` with the shell toolset and everything above; its cheapest tool is "
        "`list_commands`, which answers more than an echo, so only start and memory compare"
    )
    question = Question("list_commands", {}, "approved:")

    def __init__(self, home: Home):
        super().__init__(home)
        self.scratch = tempfile.TemporaryDirectory(prefix="bench-")
        self.directory = Path(self.scratch.name)
        self.key = ""

    def program(self):
        return self.home.own / "windlass"

    def command(self, port):
        if not self.key:
            (self.directory / "windlass.yaml").write_text(CONFIGURATION)
            mint = [self.program(), "key", "new", "--name", "bench", "--file", self.directory / "keys"]
            told = subprocess.run(mint, check=True, capture_output=True, text=True, cwd=self.directory)
            words = (told.stdout + told.stderr).split()
            self.key = next(word for word in words if word.startswith("wdl_"))
        return [self.program(), "serve", "--config", self.directory / "windlass.yaml", "--set", f"server.port={port}"]

    def headers(self):
        return {"Authorization": f"Bearer {self.key}"}


class RustPeer(System):
    language = "Rust"
    file = ""

    def program(self):
        return self.home.rust / self.file

    def command(self, port):
        return [self.program(), port]


class Rmcp(RustPeer):
    name = "rmcp"
    file = "rmcp_echo"
    note = "rmcp 3.9.0 with JSON answers, no sessions and TCP_NODELAY; no authentication, policy or audit"


class TowerMcp(RustPeer):
    name = "tower-mcp"
    file = "tower_mcp_echo"
    note = "tower-mcp 0.25.0 with its defaults and TCP_NODELAY; no authentication, policy or audit"


class Axum(RustPeer):
    name = "axum"
    file = "axum_floor"
    note = "a handler that parses the call and answers it, and is no MCP server: the floor"


class Toolbox(System):
    name = "toolbox"
    language = "Go"
    note = "MCP Toolbox 1.12.0; it has no tool without a source, so this one asks SQLite in memory for `SELECT ?`"

    def program(self):
        return self.home.node / "node_modules/@toolbox-sdk/server-linux-x64/bin/toolbox"

    def command(self, port):
        quiet = ["--log-level", "ERROR", "--disable-version-check", "--disable-reload"]
        return [self.program(), "--config", PEERS / "toolbox.yaml", "--port", port, *quiet]


class TypeScript(System):
    name = "typescript"
    language = "Node 24"
    note = "TypeScript SDK 2.4.0 on node:http, stateless; size: node and the packages"

    def program(self):
        return self.home.node / "node_modules/node/bin/node"

    def command(self, port):
        return [self.program(), self.home.node / "echo_ts.mjs", port]

    def size(self):
        packages = self.home.node / "node_modules"
        used = [packages / name for name in ("@modelcontextprotocol", "@hono", "hono", "zod")]
        return (self.program().stat().st_size + sum(tree_size(path) for path in used)) / MIB


class FastMcp(System):
    name = "fastmcp"
    language = "Python 3"
    note = "FastMCP 4.1.2 on uvicorn, stateless, JSON answers; size: the packages, without Python itself"

    def program(self):
        return self.home.python / "bin/python"

    def command(self, port):
        return [self.program(), PEERS / "echo_fastmcp.py", port]

    def size(self):
        return sum(tree_size(path) for path in self.home.python.glob("lib/python*/site-packages")) / MIB


def tree_size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())


ALL = (Windlass, WindlassServe, Rmcp, TowerMcp, Axum, Toolbox, TypeScript, FastMcp)
SYSTEMS = {system.name: system for system in ALL}
