// What the TypeScript clients share: where the server is, which tool to call, and what must come back.

import assert from 'node:assert/strict';

const usage = 'usage: CLIENT ERA URL | CLIENT ERA -- COMMAND [ARGUMENT...]';
const [era, target, ...command] = process.argv.slice(2);
assert.ok(era && target && (target !== '--' || command.length > 0), usage);

const environment = (name) => {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
};

export const subject = {
  era,
  url: target === '--' ? null : new URL(target),
  command: command[0],
  args: command.slice(1),
  headers: process.env.INTEROP_TOKEN ? { Authorization: `Bearer ${process.env.INTEROP_TOKEN}` } : {},
  tool: environment('INTEROP_TOOL'),
  arguments: JSON.parse(environment('INTEROP_ARGS')),
  expect: environment('INTEROP_EXPECT'),
};

/// Lists, calls, calls what is not there; the same for every client of whatever age.
export async function check(client, revision) {
  assert.equal(revision, era === 'legacy' ? '2025-11-25' : '2026-07-28', 'negotiated revision');
  assert.equal(client.getServerVersion()?.name, 'windlass', 'name of the server');

  const { tools } = await client.listTools();
  const listed = tools.find((tool) => tool.name === subject.tool);
  assert.ok(listed, `${subject.tool} is listed`);
  assert.ok(listed.description, `${subject.tool} is described`);

  // Twice, and at once: answers must find their requests.
  const call = () => client.callTool({ name: subject.tool, arguments: subject.arguments });
  for (const result of await Promise.all([call(), call()])) {
    assert.ok(!result.isError, `the call failed: ${JSON.stringify(result.content)}`);
    const text = result.content.map((block) => block.text ?? '').join('\n');
    assert.ok(text.includes(subject.expect), `expected ${subject.expect} in ${text}`);
  }

  await assert.rejects(client.callTool({ name: 'no_such_tool', arguments: {} }), /no_such_tool/);
}
