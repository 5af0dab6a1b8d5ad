/** Reads JSON request bodies: strictly UTF-8, and never quoting the body in an error. */
import { InvalidRequest, UnsupportedMediaType } from '../errors.js'

const UTF8 = new TextDecoder('utf-8', { fatal: true })

/**
 * @throws InvalidRequest when the bytes are not UTF-8, empty, or not JSON; the message names the position, not the text
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = UTF8.decode(bytes)
  } catch {
    throw new InvalidRequest('the body holds bytes that are not UTF-8; encode it as UTF-8')
  }
  if (!/\S/.test(text)) throw new InvalidRequest('the body is empty; send a JSON object')
  try {
    return JSON.parse(text)
  } catch (error) {
    // V8's message quotes the body: only its position is repeated
    const position = / at position (\d{1,10})(?: |$)/.exec((error as Error).message)?.[1]
    throw new InvalidRequest(`the body is not valid JSON${position ? ` (at character ${position})` : ''}`)
  }
}

/**
 * @throws UnsupportedMediaType for a charset other than UTF-8 (JSON has no other, RFC 8259 section 8.1) or for a
 *   compressed body
 */
export function checkBodyEncoding(contentType: string, contentEncoding: string | undefined): void {
  if (contentType === 'application/json' && contentEncoding === undefined) return
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1]?.toLowerCase()
  if (charset && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') {
    throw new UnsupportedMediaType(contentType.slice(0, 100))
  }
  if (contentEncoding && contentEncoding.toLowerCase() !== 'identity') {
    throw new UnsupportedMediaType(`${contentType.slice(0, 100)}, content-encoding ${contentEncoding.slice(0, 30)}`)
  }
}
