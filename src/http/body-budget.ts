/**
 * Large bodies under way take their size three times over until they are answered: as bytes, as text, as tokens. So many at once that memory
 * would not do are refused before they are read. Small ones always pass: there is a limit to what waits, and they are soon read.
 */
import type { ServerResponse } from 'node:http'
import { Transform } from 'node:stream'
import type { preParsingHookHandler } from 'fastify'
import { BodiesUnderWay } from '../errors.js'
import type { HttpMetrics } from '../metrics/metrics.js'
import { refuseUnread } from './early-refusal.js'
import { sendsLines } from './routes/predict-stream.js'

const LARGE_BYTES = 128 * 1024
/** Times the largest body there may be: enough to read one while others are worked on, and for some that send slowly. */
const LARGEST_AT_ONCE = 16

/** How many bytes of large bodies are under way. Pure. */
export class BodyBudget {
  readonly maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** @returns whether they fit beside what is under way; they count until they are given back */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.maxBytes) return false
    this.#bytes += bytes
    return true
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** Streams of lines share what is in flight of them all; each has one line at least, and never more than a lone body may be. */
export class StreamShares {
  readonly #largest: number
  #streams = 0

  constructor(maxBodyBytes: number) {
    this.#largest = maxBodyBytes
  }

  /** @param stream ends with 'close' */
  opened(stream: Pick<ServerResponse, 'once'>): void {
    this.#streams++
    stream.once('close', () => this.#streams--)
  }

  /** @returns bytes that one of them may have in flight now */
  bytes(): number {
    return Math.min(this.#largest, (LARGEST_AT_ONCE * this.#largest) / this.#streams)
  }
}

/** For a route's `preParsing`. Refuses with BodiesUnderWay. */
export function limitBodies(maxBodyBytes: number, metrics: HttpMetrics): preParsingHookHandler {
  const budget = new BodyBudget(LARGEST_AT_ONCE * maxBodyBytes)
  const full = () => new BodiesUnderWay(Math.round(budget.maxBytes / 2 ** 20))
  return (request, reply, payload, done) => {
    const announced = request.headers['content-length']
    const bytes = announced === undefined ? 0 : Number(announced)
    // a body that is too large is refused for that; a stream reads no more than a little at a time
    const isSmall = announced !== undefined && (bytes < LARGE_BYTES || bytes > maxBodyBytes)
    if (isSmall || sendsLines(request)) return done(null, payload)
    if (!budget.take(bytes)) return refuseUnread(full(), request, reply, metrics)
    const { raw } = reply
    let taken = bytes
    raw.once('close', () => budget.giveBack(taken))
    if (announced !== undefined) return done(null, payload)
    // how long it will be is not said
    let received = 0
    const counted = new Transform({
      transform(piece: Buffer, _encoding, pass) {
        received += piece.length
        const more = received - taken
        if (received < LARGE_BYTES) return pass(null, piece)
        if (raw.closed || !budget.take(more)) return pass(full())
        taken = received
        pass(null, piece)
      },
    })
    payload.on('error', (error) => counted.destroy(error))
    return done(null, payload.pipe(counted))
  }
}
