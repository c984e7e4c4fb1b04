// What goes on by itself: decisions as they are made, and whether the server is ready.

import { reach } from './api.js'
import { $, element, json, prose } from './parts.js'

/** As many as the server remembers. */
const SHOWN_EVENTS = 200
/** Longest arguments in a line of the table, in characters. */
const SHORT = 200
const RECONNECT_MS = 2000
const READY_MS = 10_000

const pause = (ms) => new Promise((resume) => setTimeout(resume, ms))

/** Reads decisions until the key is refused, and takes the stream up again where it breaks. */
export async function follow() {
  for (;;) {
    try {
      const response = await reach('/console/events')
      if (!response.ok) {
        live(response.status === 404 ? 'not shown on this server' : '')
        $('no-events').hidden = response.status === 404
        return response.status
      }
      live('live', 'good')
      await read(response.body)
    } catch { /* the server is restarting, or the network is: try again below */ }
    live('reconnecting…', 'bad')
    await pause(RECONNECT_MS)
  }
}

function live(text, className = 'quiet') {
  Object.assign($('live'), { textContent: text, className })
}

/** One stream of server-sent events. EventSource would do it, but cannot send a key. */
async function read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  for (let rest = ''; ;) {
    const { value, done } = await reader.read()
    if (done) return
    const parts = (rest + value).split('\n\n')
    rest = parts.pop()
    for (const part of parts) if (part.startsWith('data: ')) add(JSON.parse(part.slice(6)))
  }
}

function add(event) {
  // Each connection begins with the last decisions again.
  const id = `event-${event.hash}`
  if ($(id)) return
  $('no-events').hidden = true
  const took = event.duration_us === undefined ? '' : `${(event.duration_us / 1000).toFixed(1)} ms`
  const row = element('tr', { id },
    element('td', { textContent: new Date(event.time).toLocaleTimeString([], { hour12: false }) }),
    element('td', { className: `decision ${event.decision}`, textContent: event.decision }),
    element('td', {}, what(event)),
    element('td', { textContent: event.principal ?? event.peer ?? 'server' }),
    element('td', { textContent: took }))
  $('events').prepend(row)
  while ($('events').children.length > SHOWN_EVENTS) $('events').lastElementChild.remove()
}

/** The call in a line; the audit line itself behind it. */
function what(event) {
  const values = Object.entries(event.arguments ?? {})
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const summary = element('summary', {}, element('b', { textContent: event.tool ?? event.method }))
  if (values.length > 0) summary.append(' ', element('code', { textContent: short(values.join(' ')) }))
  if (event.reason) summary.append(element('small', { textContent: event.reason }))
  const details = element('details', {}, summary)
  // Most lines are never opened.
  const open = () => details.append(element('pre', { tabIndex: 0, textContent: json(event) }))
  details.addEventListener('toggle', open, { once: true })
  return details
}

const short = (text) => (text.length > SHORT ? `${text.slice(0, SHORT)}…` : text)

/** Asks for the checks again and again, while somebody looks. */
export async function watchReadiness() {
  for (;;) {
    if (!document.hidden) await checkReadiness()
    await pause(READY_MS)
  }
}

export async function checkReadiness() {
  try {
    const { status, checks } = await (await reach('/ready')).json()
    ready(status, status === 'ready' ? 'good' : 'bad')
    $('checks').replaceChildren(...checks.flatMap(({ name, health, detail = '' }) => [
      element('dt', { className: health }, name, element('span', { textContent: health })),
      element('dd', { hidden: detail === '' }, ...prose(detail)),
    ]))
  } catch {
    ready('no answer', 'bad')
    $('checks').replaceChildren()
  }
}

function ready(text, className) {
  Object.assign($('ready'), { textContent: text, className })
}
