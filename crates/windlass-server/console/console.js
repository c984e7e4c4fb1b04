// The console: lists the tools, calls one, and shows decisions as they are made.

import { ask, key, reach } from './api.js'
import { fields, given, laidOut } from './form.js'
import { $, element, json, prose } from './parts.js'
import { checkReadiness, follow, watchReadiness } from './watch.js'

/** From this many tools on, the list can be filtered. */
const MANY = 8
const RETRY_MS = 2000

let tools = []
let chosen
let form = []
let running

async function connect() {
  try {
    tools = (await ask('tools/list')).tools
    const { version } = await (await reach('/health')).json()
    $('status').textContent = `version ${version}`
  } catch (error) {
    return refused(error)
  }
  opened(true)
  $('sign-out').hidden = !key.given()
  list()
  choose()
  checkReadiness()
  if (await follow() === 401) connect()
}

function refused(error) {
  const again = key.given()
  $('status').textContent = error.unauthenticated ? 'not signed in' : error.message
  if (error.unreachable) return setTimeout(connect, RETRY_MS)
  if (!error.unauthenticated) return
  key.forget()
  opened(false)
  $('sign-out').hidden = true
  $('refusal').textContent = again ? error.message : ''
  $('token').focus()
}

function opened(is) {
  $('sign-in').hidden = is
  for (const part of ['list', 'tool', 'decisions']) $(part).hidden = !is
}

$('with-key').addEventListener('submit', (event) => {
  event.preventDefault()
  key.keep($('token').value.trim())
  $('token').value = ''
  connect()
})

$('sign-out').addEventListener('click', () => {
  key.forget()
  location.reload()
})

function list() {
  $('count').textContent = tools.length
  $('filter').hidden = tools.length < MANY
  const wanted = $('filter').value.toLowerCase()
  const shown = tools.filter(({ name, title = '' }) => `${name} ${title}`.toLowerCase().includes(wanted))
  $('no-tools').hidden = shown.length > 0
  $('no-tools').textContent = tools.length === 0 ? 'There is none that you may call.' : 'No tool has that in its name.'
  $('tools').replaceChildren(...shown.map(link))
  mark()
}

function link({ name, title, description }) {
  const small = element('small', { textContent: title ?? description ?? '' })
  return element('li', {}, element('a', { href: address(name) }, element('b', { textContent: name }), small))
}

const address = (name) => `#${encodeURIComponent(name)}`

$('filter').addEventListener('input', list)

function mark() {
  for (const link of $('tools').querySelectorAll('a')) {
    if (link.hash === location.hash) link.setAttribute('aria-current', 'true')
    else link.removeAttribute('aria-current')
  }
}

/** Shows the tool that the address names, so that a tool can be linked to. */
function choose() {
  const tool = tools.find(({ name }) => address(name) === location.hash)
  running?.abort()
  chosen = tool
  mark()
  $('no-tool').hidden = tool !== undefined
  $('tool').hidden = tools.length === 0
  $('chosen').hidden = tool === undefined
  if (!tool) return
  $('result').hidden = true
  $('tool-title').textContent = tool.title ?? tool.name
  $('tool-facts').replaceChildren(element('code', { textContent: tool.name }), ...facts(tool.annotations))
  $('tool-description').replaceChildren(...prose(tool.description))
  $('input-schema').textContent = json(tool.inputSchema)
  $('output-schema').textContent = json(tool.outputSchema)
  $('output-part').hidden = tool.outputSchema === undefined
  form = fields(tool.inputSchema)
  $('fields').replaceChildren(...laidOut(form))
  $('keys').hidden = $('fields').querySelector('textarea') === null
  $('call').onsubmit = (event) => {
    event.preventDefault()
    call(tool)
  }
}

addEventListener('hashchange', () => {
  choose()
  // Where the columns stand on top of each other, the form is below the list.
  $('tool-title').focus({ preventScroll: true })
  $('tool').scrollIntoView({ block: 'nearest' })
})

function facts(annotations = {}) {
  const words = annotations.readOnlyHint ? ['changes nothing']
    : annotations.destructiveHint === false ? ['only adds'] : ['may change or destroy things']
  if (annotations.openWorldHint) words.push('reaches outside')
  return words.map((word) => element('span', { textContent: word }))
}

$('fields').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.target.tagName !== 'TEXTAREA') return
  event.preventDefault()
  $('call').requestSubmit()
})

$('stop').addEventListener('click', () => running?.abort())

async function call(tool) {
  // Enter in a field submits even where the button is disabled.
  if (running) return
  const { signal } = running = new AbortController()
  busy(true)
  const begun = performance.now()
  const took = () => `${Math.round(performance.now() - begun)} ms`
  try {
    const result = await ask('tools/call', { name: tool.name, arguments: given(form) }, signal)
    outcome(tool, result.isError ? 'Refused or failed' : `Done in ${took()}`, result)
  } catch (error) {
    const stopped = signal.aborted
    const content = stopped ? [] : [{ type: 'text', text: error.message }]
    outcome(tool, stopped ? `Stopped after ${took()}` : 'No result', { isError: true, content })
    if (error.unauthenticated) refused(error)
  } finally {
    running = undefined
    busy(false)
  }
}

function busy(is) {
  $('go').disabled = is
  $('go').textContent = is ? 'Calling…' : 'Call'
  $('stop').hidden = !is
}

function outcome(tool, heading, { isError, content = [], structuredContent }) {
  // Another one may have been chosen meanwhile.
  if (tool !== chosen) return
  Object.assign($('outcome'), { textContent: heading, className: isError ? 'bad' : 'good' })
  $('text').textContent = content
    .map((block) => (block.type === 'text' ? block.text : `[${block.type} ${block.mimeType ?? ''}]`)).join('\n')
  $('text').hidden = $('text').textContent === ''
  $('text').className = isError ? 'refused' : ''
  $('structured').textContent = json(structuredContent)
  $('structured-part').hidden = structuredContent === undefined
  $('result').hidden = false
  $('result').scrollIntoView({ block: 'nearest' })
}

connect()
watchReadiness()
