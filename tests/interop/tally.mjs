// Counts the checks of a conformance run. Warnings are failures here: what a server SHOULD do, this one does.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [directory, revision, status] = process.argv.slice(2);
const scenarios = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
let passed = 0;
const failed = [];
for (const scenario of scenarios) {
  for (const check of JSON.parse(readFileSync(join(directory, scenario.name, 'checks.json')))) {
    if (check.status === 'SUCCESS') passed += 1;
    if (['FAILURE', 'WARNING'].includes(check.status)) failed.push({ scenario: scenario.name, ...check });
  }
}
for (const { scenario, id, description, errorMessage, details } of failed) {
  const name = scenario.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '');
  console.error(`FAILED ${name} / ${id}: ${description}\n  ${errorMessage ?? ''}\n  ${JSON.stringify(details)}`);
}
console.log(`${revision}: ${passed}/${passed + failed.length} checks passed in ${scenarios.length} scenarios`);
if (passed === 0 || failed.length > 0 || status !== '0') {
  if (failed.length === 0) console.error(readFileSync(join(directory, 'log'), 'utf8'));
  process.exit(1);
}
