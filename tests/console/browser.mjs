// A browser with a profile of its own, which notes everything a page should not do.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const QUIET = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]

export const DESKTOP = { width: 1280, height: 800 }
export const PHONE = { width: 390, height: 844 }

/** Runs `use(page, faults)` in a fresh browser; a fault is one line of text. */
export async function browse(origin, use) {
  assert.ok(process.env.CHROMIUM, 'CHROMIUM is not set')
  const profile = await mkdtemp(join(tmpdir(), 'windlass-console-'))
  const options = { executablePath: process.env.CHROMIUM, headless: true, args: QUIET, viewport: DESKTOP }
  const context = await chromium.launchPersistentContext(profile, options)
  try {
    const faults = []
    await context.exposeFunction('noteViolation', (what) => faults.push(`policy violated: ${what}`))
    await context.addInitScript(() => addEventListener('securitypolicyviolation', (event) => {
      window.noteViolation(`${event.violatedDirective} ${event.blockedURI}`)
    }))
    context.on('request', (request) => {
      if (new URL(request.url()).origin !== origin) faults.push(`request to another origin: ${request.url()}`)
    })
    context.on('weberror', (error) => faults.push(`uncaught: ${error.error()}`))
    context.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()} (${message.location().url})`)
    })
    await use(context.pages()[0], faults)
  } finally {
    await context.close()
    await rm(profile, { recursive: true, force: true })
  }
}
