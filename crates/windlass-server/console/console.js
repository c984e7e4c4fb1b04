// The console: lists the tools, calls one, and shows decisions as they are made. Everything the server sends is put on
// the page as text, never as markup.

const $ = (id) => document.getElementById(id)
const REVISION = '2025-11-25'
const SHOWN_EVENTS = 200
const KEY = 'windlass.token'

let token = sessionStorage.getItem(KEY)
let lastId = 0

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

function headers(more = {}) {
  return token ? { Authorization: `Bearer ${token}`, ...more } : more
}

/** One JSON-RPC request; answers its result, or throws what a person can read. */
async function ask(method, params = {}) {
  const response = await fetch('/mcp', {
    method: 'POST',
    headers: headers({
      'Content-Type': 'application/json',
      Accept: 'application/json',
      'MCP-Protocol-Version': REVISION,
    }),
    body: JSON.stringify({ jsonrpc: '2.0', id: ++lastId, method, params }),
  })
  const answer = await response.json().catch(() => ({}))
  if (response.status === 401) throw Object.assign(new Error(answer.error?.message ?? 'a key is needed'), { unauthenticated: true })
  if (answer.error) throw new Error(answer.error.message)
  if (!response.ok) throw new Error(`the server answered ${response.status}`)
  return answer.result
}

async function start() {
  try {
    const { tools } = await ask('tools/list')
    $('sign-in').hidden = true
    $('status').textContent = tools.length === 1 ? '1 tool' : `${tools.length} tools`
    show(tools)
    follow()
  } catch (error) {
    $('status').textContent = error.message
    $('sign-in').hidden = !error.unauthenticated
    if (error.unauthenticated) $('token').focus()
  }
}

$('sign-in').addEventListener('submit', (event) => {
  event.preventDefault()
  token = $('token').value.trim()
  sessionStorage.setItem(KEY, token)
  $('token').value = ''
  start()
})

function show(tools) {
  $('tools').replaceChildren(...tools.map((tool) => {
    const button = element('button', { type: 'button', textContent: tool.name },
      element('small', { textContent: tool.description ?? '' }))
    button.addEventListener('click', () => choose(tool, button))
    return element('li', {}, button)
  }))
}

function choose(tool, button) {
  document.querySelectorAll('#tools [aria-current]').forEach((other) => other.removeAttribute('aria-current'))
  button.setAttribute('aria-current', 'true')
  $('tool').hidden = false
  $('result').hidden = true
  $('tool-title').textContent = tool.title ?? tool.name
  $('tool-description').textContent = tool.description ?? ''
  $('tool-hints').textContent = hints(tool.annotations)
  $('schema').textContent = JSON.stringify(tool.inputSchema, null, 2)
  form(tool)
}

function hints(annotations = {}) {
  const words = []
  if (annotations.readOnlyHint) words.push('changes nothing')
  else if (annotations.destructiveHint !== false) words.push('may change or destroy things')
  if (annotations.openWorldHint) words.push('reaches outside this machine')
  return words.join(' · ')
}

function form(tool) {
  const properties = Object.entries(tool.inputSchema.properties ?? {})
  const required = new Set(tool.inputSchema.required ?? [])
  const fields = properties.map(([name, schema]) => field(name, schema, required.has(name)))
  const submit = element('button', { textContent: 'Call' })
  $('call').replaceChildren(...fields.map((one) => one.label), submit)
  $('call').onsubmit = async (event) => {
    event.preventDefault()
    submit.disabled = true
    try {
      const given = fields.map(({ name, value }) => [name, value()]).filter(([, value]) => value !== undefined)
      outcome(await ask('tools/call', { name: tool.name, arguments: Object.fromEntries(given) }))
    } catch (error) {
      outcome({ isError: true, content: [{ type: 'text', text: error.message }] })
    } finally {
      submit.disabled = false
    }
  }
}

/** One argument: its label with an input, and how to read it back (`undefined` = not given). */
function field(name, schema, required) {
  const type = [schema.type].flat().find((one) => one && one !== 'null')
  let input, value
  if (schema.enum) {
    input = element('select', {}, ...(required ? [] : [element('option', { value: '' })]),
      ...schema.enum.filter((one) => one !== null).map((one) => element('option', { textContent: one })))
    value = () => input.value || undefined
  } else if (type === 'boolean') {
    input = element('input', { type: 'checkbox', checked: schema.default === true })
    value = () => (input.checked || required || schema.default === true ? input.checked : undefined)
  } else if (type === 'integer' || type === 'number') {
    input = element('input', { type: 'number', step: type === 'integer' ? 1 : 'any' })
    value = () => (input.value === '' ? undefined : Number(input.value))
  } else if (type === 'string') {
    input = element('input', { type: 'text', spellcheck: false, autocomplete: 'off' })
    value = () => (input.value === '' && !required ? undefined : input.value)
  } else {
    input = element('textarea', { placeholder: 'JSON', spellcheck: false })
    value = () => {
      if (input.value.trim() === '') return undefined
      try { return JSON.parse(input.value) } catch { throw new Error(`${name} is not JSON`) }
    }
  }
  input.name = name
  input.required = required && type !== 'boolean'
  const label = element('label', {}, name, input)
  if (schema.description) label.append(element('small', { textContent: schema.description }))
  return { name, label, value }
}

function outcome(result) {
  $('result').hidden = false
  $('outcome').textContent = result.isError ? 'The call failed or was denied' : 'Done'
  $('outcome').className = result.isError ? 'error' : 'allowed'
  $('text').textContent = (result.content ?? [])
    .map((block) => (block.type === 'text' ? block.text : `[${block.type} ${block.mimeType ?? ''}]`)).join('\n')
  $('structured').textContent = JSON.stringify(result.structuredContent ?? null, null, 2)
}

/** Reads the stream of decisions for as long as the page is open, and takes it up again where it breaks. */
async function follow() {
  for (;;) {
    try {
      const response = await fetch('/console/events', { headers: headers() })
      if (!response.ok) return
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (let rest = ''; ;) {
        const { value, done } = await reader.read()
        if (done) break
        const parts = (rest + value).split('\n\n')
        rest = parts.pop()
        for (const part of parts) if (part.startsWith('data: ')) add(JSON.parse(part.slice(6)))
      }
    } catch { /* the server is restarting, or the network is: try again below */ }
    await new Promise((resume) => setTimeout(resume, 2000))
  }
}

const seen = new Set()

function add(event) {
  const id = `${event.chain ?? ''}${event.seq}${event.time}`
  if (seen.has(id)) return
  seen.add(id)
  $('no-events').hidden = true
  const what = [event.tool ?? event.method, event.reason].filter(Boolean).join(': ')
  const took = event.duration_us === undefined ? '' : `${(event.duration_us / 1000).toFixed(1)} ms`
  const cells = [new Date(event.time).toLocaleTimeString(), event.decision, event.principal ?? event.peer ?? '', what, took]
  const row = element('tr', {}, ...cells.map((text) => element('td', { textContent: text })))
  row.children[1].className = event.decision
  $('events').prepend(row)
  while ($('events').children.length > SHOWN_EVENTS) $('events').lastElementChild.remove()
}

start()
