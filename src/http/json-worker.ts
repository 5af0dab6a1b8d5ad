/** The thread that parses large JSON bodies. */
import { isLextierError } from '../errors.js'
import { answerCalls } from '../threads/answer-calls.js'
import { parseJsonBody } from './json-body.js'
import { hasMoreValuesThan } from './value-count.js'

export interface ParsedBody {
  readonly value?: unknown
  /** of InvalidRequest */
  readonly fault?: string
}

/** Taking over a value costs the event loop time for each value in it; requests have some hundreds at most. */
const MAX_VALUES = 10_000

answerCalls((bytes: Uint8Array): ParsedBody => {
  try {
    const value = parseJsonBody(bytes)
    if (!hasMoreValuesThan(MAX_VALUES, value)) return { value }
    return { fault: `the body holds more than ${MAX_VALUES} values; no request has so many, see /docs` }
  } catch (error) {
    if (!isLextierError(error)) throw error
    return { fault: error.message }
  }
})
