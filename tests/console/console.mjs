// The console page as a person uses it: console.mjs URL [TOKEN] [--screenshots DIRECTORY]
//
// The server must approve `echo`, `seq` and `sleep`, and must not approve `rm`.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { browse, PHONE } from './browser.mjs'
import { fitsPhone, readable } from './looks.mjs'

const { positionals: [url, token], values: { screenshots } } = parseArgs({
  allowPositionals: true,
  options: { screenshots: { type: 'string' } },
})
assert.ok(url, 'usage: console.mjs URL [TOKEN] [--screenshots DIRECTORY]')
const { origin } = new URL(url)

/** Tells this run's decisions from those of a run before. */
const RUN = Date.now() % 1_000_000
const MARKUP = `<img src=x onerror="document.title=${RUN}">`
const LONG = 'x'.repeat(300)

await browse(origin, async (page, faults) => {
  page.setDefaultTimeout(20_000)
  const step = async (what, run) => {
    await run()
    assert.deepEqual(faults.splice(0), [], `faults during: ${what}`)
    console.log(`ok      ${what}`)
  }
  const field = (name) => page.locator(`#fields [name="${name}"]`)
  const call = async (command) => {
    await field('command').fill(command)
    await page.getByRole('button', { name: 'Call' }).click()
  }
  const answers = (heading, text) => Promise.all([
    page.locator('#outcome', { hasText: heading }).waitFor(),
    page.locator('#text', { hasText: text }).waitFor(),
  ])
  const tool = (name) => page.locator('#tools').getByRole('link', { name })
  const decision = (kind, text) => page.locator('#events tr', { has: page.locator(`.${kind}`), hasText: text }).first()

  await step('the page is served with a policy that allows nothing inline', async () => {
    const policy = (await page.goto(url)).headers()['content-security-policy']
    for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) {
      assert.ok(policy.includes(part), `${part} in ${policy}`)
    }
    assert.ok(!/unsafe|\*|data:|https?:/.test(policy), policy)
    // The browser itself reports the request without a key.
    if (token) await expectRefusal(() => page.locator('#sign-in').waitFor())
  })

  async function expectRefusal(wait) {
    await wait()
    const refusal = `console: Failed to load resource: the server responded with a status of 401 (Unauthorized) (${origin}/mcp)`
    await until(() => faults.length > 0)
    assert.deepEqual(faults.splice(0), [refusal])
  }

  if (token) {
    await step('nothing is shown before somebody signed in', async () => {
      assert.equal(await page.locator('#tools li').count(), 0)
      assert.equal(await page.locator('#events tr').count(), 0)
      assert.ok(await page.locator('#token').evaluate((input) => input === document.activeElement), 'the field has the focus')
      await fitsPhone(page)
    })
    await step('a wrong key is refused in words', async () => {
      await page.locator('#token').fill('not-the-key')
      await expectRefusal(async () => {
        await page.keyboard.press('Enter')
        await page.locator('#refusal', { hasText: /\w/ }).waitFor()
      })
      assert.ok(await page.locator('#sign-in').isVisible())
      assert.equal(await page.locator('#refusal').evaluate(isRed), true)
      if (screenshots && process.env.ALL_VIEWS) await page.screenshot({ path: join(screenshots, 'console-sign-in.png') })
    })
    await step('the right key opens the page, and is kept for the tab', async () => {
      await page.locator('#token').fill(token)
      await page.getByRole('button', { name: 'Connect' }).click()
      await tool('run_command').waitFor()
      await page.reload()
      await tool('run_command').waitFor()
      assert.ok(!(await page.locator('#sign-in').isVisible()))
      assert.ok(!(await page.content()).includes(token), 'the key is on the page')
    })
  }

  await step('tools, readiness and the live stream are there', async () => {
    await tool('run_command').waitFor()
    await page.locator('#live', { hasText: 'live' }).waitFor()
    await page.locator('#ready', { hasText: /^ready$/ }).waitFor()
    const checks = page.locator('#checks dt')
    assert.ok(await checks.filter({ hasText: 'shell.programs' }).count() === 1, 'the check of the programs')
    await page.locator('#checks dd', { hasText: 'decisions are recorded' }).waitFor()
    assert.equal(await page.locator('#checks dt.ok span').first().evaluate(isGreen), true, 'what is ok is green')
  })

  await step('a tool is chosen, filled in and called', async () => {
    await tool('run_command').click()
    await page.locator('#tool-facts', { hasText: 'run_command' }).waitFor()
    await page.getByText('Input schema').click()
    assert.equal(JSON.parse(await page.locator('#input-schema').textContent()).type, 'object')
    await page.getByText('Input schema').click()
    await call(`echo from the console ${RUN}`)
    await answers('Done', 'from the console')
    await page.getByText('Structured result').click()
    assert.equal(JSON.parse(await page.locator('#structured').textContent()).exit_code, 0)
    await page.getByText('Structured result').click()
    await decision('allowed', `from the console ${RUN}`).waitFor()
  })

  await step('a denied call says why, and is red among the decisions', async () => {
    await call(`rm -rf /${RUN}`)
    await answers('Refused', 'no rule allows `rm`')
    assert.equal(await page.locator('#outcome').evaluate(isRed), true)
    const denied = decision('denied', `rm -rf /${RUN}`)
    await denied.waitFor()
    assert.equal(await denied.locator('.decision').evaluate(isRed), true)
    await denied.locator('summary').click()
    const line = JSON.parse(await denied.locator('pre').textContent())
    assert.equal(line.decision, 'denied')
    assert.equal(line.arguments.command, `rm -rf /${RUN}`)
    assert.equal(line.reason, 'denied: no rule allows `rm`')
    await denied.locator('summary').click()
  })

  await step('markup is text', async () => {
    await call(`echo '${MARKUP}'`)
    await answers('Done', MARKUP)
    await decision('allowed', MARKUP).waitFor()
    await call(`rm '${MARKUP}'`)
    await decision('denied', MARKUP).waitFor()
    assert.equal(await page.locator('main img').count(), 0)
    assert.equal(await page.title(), 'Windlass')
  })

  await step('arguments that do not fit are explained', async () => {
    await field('argv').fill('not json')
    await page.getByRole('button', { name: 'Call' }).click()
    await answers('No result', 'not JSON')
    await field('argv').fill('["echo", "by argv"]')
    await field('command').fill('')
    await page.getByRole('button', { name: 'Call' }).click()
    await answers('Done', 'by argv')
    await field('argv').fill('')
    // What the schema rules out is not sent, and is pointed at even inside the fold.
    const fold = page.locator('#fields summary')
    await fold.click()
    await field('timeout_seconds').fill('0')
    await fold.click()
    assert.ok(!(await field('timeout_seconds').isVisible()), 'it is folded')
    await call(`echo never sent ${RUN}`)
    await field('timeout_seconds').waitFor()
    await field('timeout_seconds').fill('5')
    await call('echo in time')
    await answers('Done', 'in time')
    assert.equal(await page.locator('#events tr', { hasText: `never sent ${RUN}` }).count(), 0)
    await field('timeout_seconds').fill('')
  })

  await step('long output stays in its box', async () => {
    await call('seq 1 2000')
    await answers('Done', '42')
    const [shown, whole] = await page.locator('#text').evaluate((box) => [box.clientHeight, box.scrollHeight])
    assert.ok(shown < 500 && whole > shown, `${shown} of ${whole} pixels`)
    for (const [command, heading] of [[`echo ${LONG}`, 'Done'], [`no-${LONG}`, 'Refused']]) {
      await call(command)
      await answers(heading, LONG)
      await page.locator('#events tr', { hasText: LONG.slice(0, 150) }).first().waitFor()
      await fitsPhone(page)
    }
  })

  await step('a call can be stopped', async () => {
    await call(`sleep 25.${RUN}`)
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.locator('#outcome', { hasText: 'Stopped' }).waitFor()
    await decision('failed', `sleep 25.${RUN}`).waitFor()
  })

  await step('the keyboard is enough', async () => {
    await page.goto(`${origin}/`)
    await tool('run_command').waitFor()
    await tabTo(() => document.activeElement.hash === '#run_command')
    await page.keyboard.press('Enter')
    await page.locator('#chosen').waitFor()
    await tabTo(() => document.activeElement.name === 'command')
    await page.keyboard.type(`echo typed ${RUN}`)
    await page.keyboard.press('Enter')
    await answers('Done', 'typed')
    await tabTo(() => document.activeElement.id === 'go')
    await page.keyboard.press('Space')
    await page.locator('#events tr', { hasText: `echo typed ${RUN}` }).nth(1).waitFor()
  })

  async function tabTo(found) {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab')
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)
      assert.notEqual(outline, 'none', 'it shows where the focus is')
      if (await page.evaluate(found)) return
    }
    assert.fail(`no way there by Tab: ${found}`)
  }

  await step('the list can be filtered', async () => {
    await page.getByRole('searchbox').fill('no such tool')
    await page.getByText('No tool has that in its name').waitFor()
    await page.getByRole('searchbox').fill('explain')
    assert.deepEqual(await page.locator('#tools b').allTextContents(), ['explain_command'])
    await page.getByRole('searchbox').fill('')
  })

  await step('it is readable on light and dark, and fits a phone', async () => {
    await call('rm -rf /')
    await answers('Refused', 'no rule allows `rm`')
    await page.locator('#events tr summary').first().click()
    for (const schema of ['Input schema', 'Output schema']) await page.getByText(schema).click()
    await readable(page)
    await fitsPhone(page)
  })

  if (screenshots) await step('screenshots', takeScreenshots)

  async function takeScreenshots() {
    await page.goto(`${origin}/#run_command`)
    await page.reload()
    await call('echo hello from the console')
    await answers('Done', 'hello')
    await call('rm -rf build')
    await answers('Refused', 'no rule allows `rm`')
    await decision('denied', 'rm -rf build').waitFor()
    const save = async (name, fullPage = false) => {
      await page.evaluate(() => scrollTo(0, 0))
      await page.screenshot({ path: join(screenshots, name), fullPage })
    }
    await save('console.png')
    await page.setViewportSize(PHONE)
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.locator('#tool').scrollIntoViewIfNeeded()
    await page.evaluate(() => document.querySelector('#tool').scrollIntoView())
    await page.screenshot({ path: join(screenshots, 'console-phone.png') })
    if (process.env.ALL_VIEWS) {
      await save('console-phone-whole.png', true)
      await page.setViewportSize({ width: 1280, height: 800 })
      await save('console-dark.png', true)
    }
  }

  if (token) {
    await step('the key can be forgotten', async () => {
      await expectRefusal(async () => {
        await page.getByRole('button', { name: 'Forget the key' }).click()
        await page.locator('#sign-in').waitFor()
      })
      assert.equal(await page.evaluate(() => sessionStorage.length), 0)
    })
  }

})

async function until(is) {
  for (let tries = 0; !is(); tries += 1) {
    assert.ok(tries < 100, `never came true: ${is}`)
    await new Promise((resume) => setTimeout(resume, 50))
  }
}

// These run in the page.
function isRed(node) {
  const [r, g, b] = getComputedStyle(node).color.match(/\d+/g).map(Number)
  return r > 1.4 * g && r > 1.4 * b
}

function isGreen(node) {
  const [r, g, b] = getComputedStyle(node).color.match(/\d+/g).map(Number)
  return g > 1.4 * r && g > 1.4 * b
}
