"""FastMCP: one tool, both revisions, no sessions, JSON answers."""

import sys

from fastmcp import FastMCP

mcp = FastMCP("echo")


@mcp.tool
def echo(text: str) -> str:
    """Says what it is told."""
    return text


mcp.run(
    transport="http",
    host="127.0.0.1",
    port=int(sys.argv[1]),
    path="/mcp",
    stateless_http=True,
    json_response=True,
    show_banner=False,
    log_level="warning",
    uvicorn_config={"access_log": False},
)
