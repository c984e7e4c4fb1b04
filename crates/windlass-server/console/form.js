// A form from a tool's input schema. An argument left empty is not sent.

import { element, prose } from './parts.js'

/** So many are shown at once; what is optional beyond them is folded away. */
const SHOWN = 2

/** Fields for every argument: what to show, and how to read it back. */
export function fields(schema) {
  const required = new Set(schema.required ?? [])
  return Object.entries(schema.properties ?? {}).map(([name, part]) => field(name, part, required.has(name)))
}

/** The fields as they stand on the page. */
export function laidOut(fields) {
  const shown = new Set([...fields].sort((a, b) => b.required - a.required).slice(0, SHOWN))
  const [first, more] = [[], []]
  for (const one of fields) (one.required || shown.has(one) ? first : more).push(one.label)
  // A fold for one field would save nothing.
  if (more.length < 2) return [...first, ...more]
  const summary = element('summary', { textContent: `${more.length} more arguments` })
  const fold = element('details', {}, summary, element('div', { className: 'fields' }, ...more))
  // The browser cannot point at what does not fit inside a closed fold.
  fold.addEventListener('invalid', () => { fold.open = true }, true)
  return [...first, fold]
}

/** The arguments as given; throws where one cannot be read. */
export function given(fields) {
  const pairs = fields.map(({ name, value }) => [name, value()])
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined))
}

function field(name, schema, required) {
  const type = [schema.type].flat().find((one) => one && one !== 'null')
  const [input, value] = control(name, schema, type, required)
  Object.assign(input, { name, required })
  const facts = [required && 'required', kind(schema, type)].filter(Boolean).join(' · ')
  const title = element('span', {}, element('b', { textContent: name }), ' ', element('i', { textContent: facts }))
  const label = element('label', {}, title, input)
  if (schema.description) label.append(element('small', {}, ...prose(schema.description)))
  return { name, required, label, value }
}

function control(name, schema, type, required) {
  const choices = schema.enum?.filter((one) => one !== null) ?? (type === 'boolean' ? [true, false] : undefined)
  if (choices) {
    // Nothing is chosen in somebody's stead.
    const none = schema.default === undefined ? (required ? 'choose' : 'not given') : `default: ${schema.default}`
    const options = choices.map((one, index) => element('option', { value: index, textContent: String(one) }))
    const select = element('select', {}, element('option', { value: '', textContent: none }), ...options)
    return [select, () => choices[select.value === '' ? -1 : Number(select.value)]]
  }
  if (type === 'integer' || type === 'number') {
    const { minimum: min = '', maximum: max = '' } = schema
    const step = type === 'integer' ? 1 : 'any'
    const input = element('input', { type: 'number', step, min, max, placeholder: schema.default ?? '' })
    return [input, () => (input.value === '' ? undefined : Number(input.value))]
  }
  const area = element('textarea', { rows: 1, spellcheck: false, autocapitalize: 'off' })
  if (type === 'string') {
    area.placeholder = schema.default ?? ''
    return [area, () => (area.value === '' && !required ? undefined : area.value)]
  }
  area.placeholder = { array: '["…", "…"]', object: '{"name": "value"}' }[type] ?? 'JSON'
  return [area, () => {
    if (area.value.trim() === '') return undefined
    try {
      return JSON.parse(area.value)
    } catch {
      throw new Error(`\`${name}\` is not JSON; write it like ${area.placeholder}`)
    }
  }]
}

/** What an argument is, in a few words. */
function kind(schema, type = 'any JSON') {
  if (schema.enum || type === 'boolean') return ''
  const items = [schema.items?.type].flat()[0]
  const { minimum: least, maximum: most } = schema
  // Limits that only say that a number is a number are noise.
  const top = most < Number.MAX_SAFE_INTEGER ? most : undefined
  const range = top === undefined ? (least ? ` from ${least}` : '') : ` ${least ?? ''}–${top}`
  return (type === 'array' && items ? `array of ${items}` : type) + range
}
