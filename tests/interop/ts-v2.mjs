// The TypeScript SDK of 2026-07-28. `auto` probes and falls back, `modern` takes nothing older, `legacy` does not ask.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { check, subject } from './subject.mjs';

const transport = subject.url
  ? new StreamableHTTPClientTransport(subject.url, { requestInit: { headers: subject.headers } })
  : new StdioClientTransport({ command: subject.command, args: subject.args, env: process.env, stderr: 'ignore' });
const mode = subject.era === 'modern' ? { pin: '2026-07-28' } : subject.era;
const client = new Client({ name: 'interop', version: '1' }, { versionNegotiation: { mode } });
await client.connect(transport);
await check(client, client.getNegotiatedProtocolVersion());
await client.close();
