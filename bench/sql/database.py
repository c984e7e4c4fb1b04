"""PostgreSQL as it is installed, started for this run alone in a temporary folder, with a shop in it and a role that can only
read."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from process import Process, free_port

# Where Debian puts what does not belong on PATH: a folder for each version.
DEBIAN = Path("/usr/lib/postgresql")
PATIENCE = 60.0
# What is measured are servers, not disks. Nothing runs beside the queries, and everybody's clock is the same.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "timezone": "UTC",
}
CUSTOMERS = 1_000
ORDERS = 100_000
# Every number from 1 on, always the same rows. Steps without a common factor, so that everybody has orders of every kind.
SHOP = f"""
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, city text NOT NULL);
INSERT INTO customers SELECT n, 'Customer ' || lpad(n::text, 6, '0') || ' & Söhne', 'City ' || n % 97
  FROM generate_series(1, {CUSTOMERS}) AS n;
CREATE TABLE orders (
  id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, total numeric(12, 2) NOT NULL,
  placed_at timestamptz NOT NULL, due date, paid boolean NOT NULL, remark text NOT NULL);
INSERT INTO orders SELECT n, 1 + n * 7919 % {CUSTOMERS}, (n * 7907 % 1000003) / 100.0,
    timestamptz '2026-01-01 00:00:00Z' + n * interval '197.125 seconds',
    CASE WHEN n % 11 > 0 THEN date '2026-01-15' + n / 438 END, n % 3 > 0, repeat('remark ', 1 + n % 5)
  FROM generate_series(1, {ORDERS}) AS n;
CREATE INDEX ON orders (customer_id, placed_at DESC);
CREATE ROLE reader LOGIN PASSWORD '{{password}}';
GRANT SELECT ON customers, orders TO reader;
VACUUM ANALYZE;
"""


class Database:
    """A context: it runs while it is entered."""

    def __init__(self):
        self.programs = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="bench-sql-"))
        self.port = free_port()
        self.user, self.name = "reader", "postgres"
        self.password = secrets.token_hex(16)
        # The programs refuse to run as root.
        self.owner = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if process := getattr(self, "process", None):
            # Told this way it ends its sessions instead of waiting for them.
            process.stop(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        if self.owner:
            shutil.chown(self.folder, self.owner["user"], self.owner["group"])
        data = self.folder / "data"
        initdb = [self.programs / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
        self.run([*initdb, "--auth-local=trust", "--auth-host=scram-sha-256"], **self.owner)
        settings = {**SETTINGS, "port": self.port, "unix_socket_directories": self.folder}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = Process([self.programs / "postgres", "-D", data, *words], self.folder / "log", **self.owner)
        until = time.monotonic() + PATIENCE
        while not self.up():
            if not self.process.alive() or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-500:]}")
            time.sleep(0.05)
        self.sql(SHOP.format(password=self.password))

    def up(self) -> bool:
        ready = [self.programs / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def sql(self, statements: str) -> str:
        """What they print, asked as the superuser."""
        client = [self.programs / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h", self.folder, "-p", str(self.port)]
        return self.run(client, input=statements)

    def run(self, command, **more) -> str:
        # A folder that everybody may enter: what runs as somebody else must not begin in root's.
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **more)
        if done.returncode:
            raise RuntimeError(f"{command[0].name}: {done.stderr[-500:]}")
        return done.stdout

    def truth(self, statement: str, placeholder: str, numbers: list[int]) -> list[list[dict]]:
        """The rows of a statement for each number, as PostgreSQL itself writes them."""
        each = statement.replace(placeholder, "asked.number")
        rows = f"(SELECT json_agg(to_json(found)) FROM ({each}) AS found)"
        lines = self.sql(f"SELECT {rows} FROM unnest(ARRAY{numbers}) WITH ORDINALITY AS asked (number, place) ORDER BY place")
        return [json.loads(line, parse_float=Decimal) for line in lines.splitlines()]

    def version(self) -> str:
        return self.sql("SHOW server_version").split()[0]


def programs() -> Path:
    if found := shutil.which("postgres"):
        # Beside the program itself is all of its version; beside a link there may be little.
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin"), key=lambda path: [int(part) for part in re.findall(r"\d+", path.parent.name)])
    if not versions:
        raise SystemExit("bench/sql: PostgreSQL is not installed (apt-get install postgresql)")
    return versions[-1]
