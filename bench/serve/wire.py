"""The question, as bytes, in both revisions."""

import json
import socket
from typing import NamedTuple

REVISIONS = ("2025-11-25", "2026-07-28")
CLIENT = {"name": "bench", "version": "1.0.0"}


class Question(NamedTuple):
    """A call, and what its right answer contains."""

    tool: str
    arguments: dict
    mark: str


ECHO = Question("echo", {"text": "hello from the benchmark"}, "hello from the benchmark")


class Refused(Exception):
    """The server answered, and not with what was asked for."""


def call(question: Question, revision: str, port: int, headers: dict) -> bytes:
    params = {"name": question.tool, "arguments": question.arguments}
    more = {}
    if revision >= "2026":
        prefix = "io.modelcontextprotocol"
        params["_meta"] = {
            f"{prefix}/protocolVersion": revision,
            f"{prefix}/clientInfo": CLIENT,
            f"{prefix}/clientCapabilities": {},
        }
        more = {"Mcp-Method": "tools/call", "Mcp-Name": question.tool}
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
    head, _, body = answer.decode("utf-8", "replace").partition("\r\n\r\n")
    return head, body


def answers(port: int, request: bytes, mark: str) -> bool:
    """Whether the server answers the call; False while it does not listen yet."""
    try:
        head, body = exchange(port, request)
    except (ConnectionError, TimeoutError):
        return False
    if " 200 " not in head.split("\r\n")[0] or mark not in body:
        raise Refused(f"{head.splitlines()[0] if head else 'nothing'}: {body[:300]}")
    return True
