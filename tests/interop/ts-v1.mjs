// The TypeScript SDK that most clients in use are built with (handshake and sessions, 2025-11-25).

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { check, subject } from './subject.mjs';

let negotiated;
const transport = subject.url
  ? new StreamableHTTPClientTransport(subject.url, { requestInit: { headers: subject.headers } })
  : new StdioClientTransport({ command: subject.command, args: subject.args, env: process.env, stderr: 'ignore' });
const announce = transport.setProtocolVersion?.bind(transport);
transport.setProtocolVersion = (version) => {
  negotiated = version;
  announce?.(version);
};

const client = new Client({ name: 'interop', version: '1' });
await client.connect(transport);
await check(client, negotiated);
await client.close();
