"""The Python SDK as a client: ERA URL, or ERA -- COMMAND [ARGUMENT...]."""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

REVISIONS = {"legacy": "2025-11-25", "auto": "2026-07-28", "modern": "2026-07-28"}


async def check(client: Client, era: str) -> None:
    assert client.protocol_version == REVISIONS[era], client.protocol_version
    # Pinned to a revision, this client never asks who it talks to.
    assert era == "modern" or client.server_info.name == "windlass", client.server_info

    tool, arguments = os.environ["INTEROP_TOOL"], json.loads(os.environ["INTEROP_ARGS"])
    listed = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert listed[tool].description, listed[tool]

    # Twice, and at once: answers must find their requests.
    for result in await asyncio.gather(*(client.call_tool(tool, arguments) for _ in range(2))):
        text = "\n".join(getattr(block, "text", "") for block in result.content)
        assert not result.is_error, text
        assert os.environ["INTEROP_EXPECT"] in text, text

    try:
        await client.call_tool("no_such_tool", {})
    except MCPError as error:
        assert "no_such_tool" in str(error), error
    else:
        raise AssertionError("a tool that is not there answered")


async def main() -> None:
    era, target, *command = sys.argv[1:]
    mode = REVISIONS[era] if era == "modern" else era
    if target == "--":
        server = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
        async with Client(server, mode=mode) as client:
            await check(client, era)
        return
    token = os.environ.get("INTEROP_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(target, http_client=http), mode=mode) as client,
    ):
        await check(client, era)


asyncio.run(main())
