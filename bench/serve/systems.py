"""What is measured beside what."""

import servers
from install import PEERS
from servers import MIB, RustPeer, System, tree_size
from wire import Call, Question

ECHO = Question("echo", [Call({"text": "hello from the benchmark"}, "hello from the benchmark")])


class Windlass(System):
    name = "windlass"
    language = "Rust"
    note = "the whole gate: an API key, a policy that grants the tool, arguments checked against the schema, an audit line"
    question = ECHO
    # The product's own program is the one whose size is told.
    own_programs = ("windlass", "windlass-bench-server")

    def __init__(self, home):
        super().__init__(home)
        self.key = self.directory / "key"

    def program(self):
        return self.home.own / "windlass-bench-server"

    def command(self, port):
        self.key.unlink(missing_ok=True)
        return [self.program(), "--port", port, "--key-file", self.key]

    def headers(self):
        return {"Authorization": f"Bearer {self.key.read_text().strip()}"}

    def size(self):
        return (self.home.own / "windlass").stat().st_size / MIB


class WindlassServe(servers.Product):
    name = "windlass-serve"
    note = (
        "the product itself, `windlass serve` with the shell toolset and everything above; its cheapest tool is "
        "`list_commands`, which answers more than an echo, so only start and memory compare"
    )
    question = Question("list_commands", [Call({}, "approved:")])

    def configuration(self):
        return 'shell: { directory: ".", commands: [ls] }\n'


class Rmcp(RustPeer):
    name = "rmcp"
    rust_peer = "rmcp_echo"
    question = ECHO
    note = "rmcp 3.9.0 with JSON answers, no sessions and TCP_NODELAY; no authentication, policy or audit"


class TowerMcp(RustPeer):
    name = "tower-mcp"
    rust_peer = "tower_mcp_echo"
    question = ECHO
    note = "tower-mcp 0.25.0 with its defaults and TCP_NODELAY; no authentication, policy or audit"


class Axum(RustPeer):
    name = "axum"
    rust_peer = "axum_floor"
    question = ECHO
    note = "a handler that parses the call and answers it, and is no MCP server: the floor"


class Toolbox(servers.Toolbox):
    question = ECHO
    note = "MCP Toolbox 1.12.0; it has no tool without a source, so this one asks SQLite in memory for `SELECT ?`"

    def configuration(self):
        return PEERS / "toolbox.yaml"


class TypeScript(System):
    name = "typescript"
    language = "Node 24"
    runtime = "node"
    question = ECHO
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
    runtime = "python"
    question = ECHO
    note = "FastMCP 4.1.2 on uvicorn, stateless, JSON answers; size: the packages, without Python itself"

    def program(self):
        return self.home.python / "bin/python"

    def command(self, port):
        return [self.program(), PEERS / "echo_fastmcp.py", port]

    def size(self):
        return sum(tree_size(path) for path in self.home.python.glob("lib/python*/site-packages")) / MIB


ALL = (Windlass, WindlassServe, Rmcp, TowerMcp, Axum, Toolbox, TypeScript, FastMcp)
SYSTEMS = {system.name: system for system in ALL}
