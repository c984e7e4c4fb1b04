"""Questions, as bytes, in both revisions, and the load that asks them."""

import json
import socket
import subprocess
from typing import NamedTuple

REVISIONS = ("2025-11-25", "2026-07-28")
CLIENT = {"name": "bench", "version": "1.0.0"}


class Call(NamedTuple):
    """Arguments, and what the right answer contains."""

    arguments: dict
    mark: str


class Question(NamedTuple):
    """A tool, and calls of it that are made in turn."""

    tool: str
    calls: list[Call]


class Refused(Exception):
    """The server answered, and not with what was asked for."""


def call(tool: str, arguments: dict, revision: str, port: int, headers: dict) -> bytes:
    params = {"name": tool, "arguments": arguments}
    more = {}
    if revision >= "2026":
        prefix = "io.modelcontextprotocol"
        params["_meta"] = {
            f"{prefix}/protocolVersion": revision,
            f"{prefix}/clientInfo": CLIENT,
            f"{prefix}/clientCapabilities": {},
        }
        more = {"Mcp-Method": "tools/call", "Mcp-Name": tool}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return post(message, port, {"MCP-Protocol-Version": revision, **more, **headers})


def post(message: dict, port: int, headers: dict) -> bytes:
    body = json.dumps(message, separators=(",", ":")).encode()
    lines = {
        "Host": f"127.0.0.1:{port}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Content-Length": len(body),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body


def handshake(revision: str, port: int, headers: dict) -> dict:
    """What a client of this revision does before its first call; the headers it sends from then on."""
    if revision >= "2026":
        return {}
    params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": CLIENT}
    hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    head, body = exchange(port, post(hello, port, headers))
    if '"result"' not in body:
        raise Refused(f"initialize: {head.splitlines()[0]} {body[:300]}")
    session = [line.split(":", 1)[1].strip() for line in head.splitlines() if line.lower().startswith("mcp-session-id:")]
    mine = {"Mcp-Session-Id": session[0]} if session else {}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    exchange(port, post(ready, port, {"MCP-Protocol-Version": revision, **headers, **mine}))
    return mine


def exchange(port: int, request: bytes, timeout: float = 10.0) -> tuple[str, str]:
    """One request on a connection of its own; head and body of the answer."""
    request = request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"\ntransfer-encoding: chunked" in head.lower():
        body = b"".join(chunks(body))
    return head.decode("utf-8", "replace"), body.decode("utf-8", "replace")


def chunks(body: bytes):
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        yield rest[:length]
        body = rest[length + 2 :] if length else b""


def answers(port: int, request: bytes, mark: str) -> bool:
    """Whether the server answers the call; False while it does not listen yet."""
    try:
        head, body = exchange(port, request)
    except (ConnectionError, TimeoutError):
        return False
    if " 200 " not in head.split("\r\n")[0] or mark not in body:
        raise Refused(f"{head.splitlines()[0] if head else 'nothing'}: {body[:300]}")
    return True


def load(command: list, requests: bytes, seconds: float) -> dict:
    """What the load generator tells of a load."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=requests, capture_output=True, timeout=seconds + 60, check=False)
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr.decode(errors='replace')[-300:]}")
    return json.loads(done.stdout)
