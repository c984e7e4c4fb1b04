// Pieces of page. What the server sends becomes text here, never markup.

export const $ = (id) => document.getElementById(id)

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

/** Descriptions are plain text in which `words` stand for themselves. */
export function prose(text = '') {
  const parts = text.split('`')
  if (parts.length % 2 === 0) return [text]
  return parts.map((part, index) => (index % 2 ? element('code', { textContent: part }) : part))
}

export const json = (value) => JSON.stringify(value, null, 2)
