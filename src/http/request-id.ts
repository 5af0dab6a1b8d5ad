import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

// one token of header-safe characters, so that an id can neither split a header nor carry a text into a log
const SANE_ID = /^[A-Za-z0-9][A-Za-z0-9._:+/=@-]{0,127}$/

/** @returns the caller's `X-Request-Id` when it is a single token of at most 128 characters, else a new UUID */
export function requestId(request: Pick<IncomingMessage, 'headers'>): string {
  const sent = request.headers['x-request-id']
  return typeof sent === 'string' && SANE_ID.test(sent) ? sent : randomUUID()
}
