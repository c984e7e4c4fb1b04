// Runs pieces of code one after the other, in one scope. Each comes as a line: a mark, and the code in base64. What is
// behind the mark in both outputs is not the code's any longer.
const vm = require('vm');
const { createInterface } = require('readline');

let interrupt = () => {};
process.on('SIGINT', () => interrupt());
process.on('uncaughtException', (error) => console.error(error));
process.on('unhandledRejection', (error) => console.error(error));
Object.assign(globalThis, { require, module, exports });

async function run(number, source) {
  try {
    const options = { filename: `<${number}>`, breakOnSigint: true };
    const interrupted = new Promise((_, reject) => { interrupt = () => reject(new Error('interrupted')); });
    interrupted.catch(() => {});
    const value = await Promise.race([vm.runInThisContext(source, options), interrupted]);
    if (value !== undefined) console.log(value);
    return 0;
  } catch (error) {
    console.error(error);
    return 1;
  } finally {
    interrupt = () => {};
  }
}

(async () => {
  let number = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    const [mark, code] = line.split(' ');
    const status = await run(++number, Buffer.from(code, 'base64').toString());
    for (const output of [process.stdout, process.stderr]) output.write(`\x1e${mark}:${status}\n`);
  }
})();
