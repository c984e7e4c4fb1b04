"""Who is asked: each with the same statement as a tool of one parameter."""

import json
from decimal import Decimal
from pathlib import Path

import servers
from database import CUSTOMERS
from process import Process
from servers import RustPeer
from wire import Call, Question

# Of both it is the one that the Toolbox answers faster.
REVISION = "2025-11-25"
PLACEHOLDER = ":customer"
STATEMENT = f"""
SELECT o.id, c.name, o.total, o.placed_at, o.due, o.paid
FROM orders o JOIN customers c ON c.id = o.customer_id
WHERE o.customer_id = {PLACEHOLDER}
ORDER BY o.placed_at DESC LIMIT 20
""".strip()
DOLLAR = STATEMENT.replace(PLACEHOLDER, "$1")
# Half of the customers, never two neighbours one after the other.
NUMBERS = [1 + index * 389 % CUSTOMERS for index in range(CUSTOMERS // 2)]
TOOL = "orders_of_customer"
DESCRIPTION = "The last orders of a customer"
QUESTION = Question(TOOL, [Call({"customer": number}, f"Customer {number:06}") for number in NUMBERS])
# As many connections for everybody as there are clients at most; it is Windlass's default.
CONNECTIONS = 64


class Windlass(servers.Product):
    name = "windlass"
    question = QUESTION
    note = (
        "`windlass serve` with everything: an API key, a policy that grants the tool, arguments checked, a transaction that only "
        "reads, limits on rows, bytes and time, the rows as text and as data, an audit line"
    )

    def configuration(self):
        (self.directory / "password").write_text(self.database.password)
        source = {
            "kind": "postgres",
            "url": f"postgres://{self.database.user}@127.0.0.1:{self.database.port}/{self.database.name}",
            "password": f"file:{self.directory / 'password'}",
            "pool": {"max": CONNECTIONS},
        }
        customer = {"name": "customer", "type": "integer", "description": "its number"}
        tool = {"source": "shop", "description": DESCRIPTION, "statement": STATEMENT, "parameters": [customer]}
        return "sql: " + json.dumps({"sources": {"shop": source}, "tools": {TOOL: tool}}) + "\n"

    def rows(self, body: str) -> list[dict]:
        data = parsed(body)["result"]["structuredContent"]
        names = [column["name"] for column in data["columns"]]
        return [dict(zip(names, row, strict=True)) for row in data["rows"]]


class Toolbox(servers.Toolbox):
    question = QUESTION
    note = f"MCP Toolbox 1.12.0 with `postgres-sql` and {CONNECTIONS} connections; no authentication, policy, limits or audit"

    def configuration(self):
        source = {
            "kind": "source",
            "name": "shop",
            "type": "postgres",
            "host": "127.0.0.1",
            "port": self.database.port,
            "database": self.database.name,
            "user": self.database.user,
            "password": self.database.password,
            "queryParams": {"pool_max_conns": str(CONNECTIONS)},
        }
        customer = {"name": "customer", "type": "integer", "description": "its number"}
        tool = {"kind": "tool", "name": TOOL, "type": "postgres-sql", "source": "shop", "description": DESCRIPTION}
        tool |= {"statement": DOLLAR, "parameters": [customer]}
        file = self.directory / "tools.yaml"
        file.write_text("\n---\n".join(json.dumps(part) for part in (source, tool)) + "\n")
        return file

    def rows(self, body: str) -> list[dict]:
        found = []
        for block in parsed(body)["result"]["content"]:
            value = parsed(block["text"])
            found += value if isinstance(value, list) else [value]
        return found


class Floor(RustPeer):
    name = "floor"
    rust_peer = "sql_floor"
    question = QUESTION
    note = (
        "tokio-postgres in a loop, the statement prepared, a connection for each client, every row decoded to JSON, and no server: "
        "whoever asks is in the same program"
    )

    def start(self, log):
        return Told(self, log)

    def command(self, port=None):
        base = self.database
        url = f"postgres://{base.user}:{base.password}@127.0.0.1:{base.port}/{base.name}"
        marks = [f"{call.arguments['customer']}={call.mark} & Söhne" for call in QUESTION.calls]
        return [self.program(), url, DOLLAR, *marks]

    def rows(self, body: str) -> list[dict]:
        names = ("id", "name", "total", "placed_at", "due", "paid")
        return [dict(zip(names, row, strict=True)) for row in parsed(body)]


class Told:
    """A program that is told on its standard input what to ask."""

    def __init__(self, system: Floor, log: Path):
        self.process = Process(system.command(), log, stdin=-1, stdout=-1, text=True)

    def tell(self, *words) -> str:
        child = self.process.child
        try:
            print(*words, file=child.stdin, flush=True)
        except BrokenPipeError:
            pass
        if not (line := child.stdout.readline()):
            raise RuntimeError("it has ended")
        return line

    def answered(self) -> bool:
        return bool(self.bodies(None, 1))

    def bodies(self, _revision, most=None) -> list[str]:
        return [self.tell("show", call.arguments["customer"]) for call in QUESTION.calls[:most]]

    def asker(self, _revision):
        return lambda clients, seconds: json.loads(self.tell("load", clients, seconds))

    def stop(self):
        self.process.stop()


def parsed(text: str):
    return json.loads(text, parse_float=Decimal)


SYSTEMS = {system.name: system for system in (Windlass, Toolbox, Floor)}
