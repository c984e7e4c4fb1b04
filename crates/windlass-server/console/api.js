// What the page asks the server, with the key of whoever signed in.

const REVISION = '2025-11-25'
const KEY = 'windlass.token'

let lastId = 0

/** The key lives as long as the tab. */
export const key = {
  keep: (token) => sessionStorage.setItem(KEY, token),
  forget: () => sessionStorage.removeItem(KEY),
  given: () => sessionStorage.getItem(KEY) !== null,
}

/** `fetch` with the key. Throws `{ unreachable: true }` where there is no answer at all. */
export async function reach(path, { headers = {}, ...options } = {}) {
  const token = sessionStorage.getItem(KEY)
  const credential = token ? { Authorization: `Bearer ${token}` } : {}
  try {
    return await fetch(path, { ...options, headers: { ...headers, ...credential } })
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw Object.assign(new Error('the server cannot be reached'), { unreachable: true })
  }
}

/** One JSON-RPC request; answers its result, or throws what a person can read. */
export async function ask(method, params = {}, signal) {
  const response = await reach('/mcp', {
    method: 'POST',
    signal,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', 'MCP-Protocol-Version': REVISION },
    body: JSON.stringify({ jsonrpc: '2.0', id: ++lastId, method, params }),
  })
  const answer = await response.json().catch(() => ({}))
  if (response.status === 401) {
    throw Object.assign(new Error(answer.error?.message ?? 'a key is needed'), { unauthenticated: true })
  }
  if (answer.error) throw new Error(answer.error.message)
  if (!response.ok) throw new Error(`the server answered ${response.status}`)
  return answer.result
}
