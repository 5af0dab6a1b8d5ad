/** POST /v1/predict with application/x-ndjson: a request a line in, an answer or a problem a line out, in order. */
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { isLextierError, PayloadTooLarge, RequestAborted, Draining as ServerDraining } from '../../errors.js'
import type { ClassifyRequest, ClassifyResult } from '../../serving/types.js'
import type { Draining } from '../draining.js'
import { type Line, readLines } from '../ndjson/line-reader.js'
import { inOrder } from '../ndjson/ordered-window.js'
import { problemOf } from '../problem.js'
import { predictAnswer } from './predict-answer.js'

export const NDJSON_TYPE = 'application/x-ndjson'

/** Whether a request's body is lines. */
export function sendsLines(request: FastifyRequest): boolean {
  // parsing the media type costs more than comparing what nearly every request sends
  return request.headers['content-type'] !== 'application/json' && request.mediaType === NDJSON_TYPE
}

/** Enough to fill batches; few beside what a queue may hold, so that a stream leaves room for other callers. */
const MAX_LINES_IN_FLIGHT = 64
/** What a refused line without a budget waits before it asks again; doubled each time. */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2_000
/** A caller that neither sends nor reads for so long is let go. */
const IDLE_TIMEOUT_MS = 120_000
/** After the last line of a stream that the server ends, for the caller to read it. */
const LINGER_MS = 500

export interface PredictStreamParts {
  /** @throws whatever is wrong with a line, as the same request would be answered alone */
  ask(bytes: Buffer): Promise<ClassifyRequest>
  classify(request: ClassifyRequest): Promise<ClassifyResult>
  /** settles when the caller may have one more prediction */
  admit(): Promise<void>
  /** a line that the classifier never saw; the reason is an error code */
  refused(reason: string): void
  readonly draining: Draining
  /** of a line */
  readonly maxBytes: number
  /** of all lines in flight together */
  maxBytesInFlight(): number
}

/**
 * @returns the answer's lines. When the server shuts down, lines taken before are answered and a DRAINING problem ends the
 *   stream in the place of the next one.
 */
export function predictStream(request: FastifyRequest, body: Readable, parts: PredictStreamParts): Readable {
  const answerLine = async (line: Line): Promise<string> => {
    try {
      await parts.admit()
      return ndjson(predictAnswer(await classifyPatiently(await asked(line, parts), parts)))
    } catch (error) {
      const { problem } = problemOf(error, request.id)
      if (problem.code === 'INTERNAL') request.log.error({ err: error }, 'line failed')
      return ndjson(problem)
    }
  }
  // the socket's own timer: it ends the connection
  request.raw.socket.setTimeout?.(IDLE_TIMEOUT_MS)
  return Readable.from(answers(), { objectMode: false })

  async function* answers(): AsyncGenerator<string> {
    const lines = new InterruptibleLines(
      // destroying the body would destroy the connection under the answer
      readLines(body.iterator({ destroyOnReturn: false }), parts.maxBytes),
    )
    const forget = parts.draining.onBegin(() => lines.interrupt())
    try {
      yield* inOrder(lines, answerLine, {
        maxItems: MAX_LINES_IN_FLIGHT,
        maxWeight: parts.maxBytesInFlight,
        weigh: ({ bytes }) => bytes?.length ?? 0,
      })
      if (!lines.interrupted) return
      yield ndjson(problemOf(new ServerDraining(), request.id).problem)
      // what the caller still sends would keep the connection, and with it the server
      setTimeout(() => request.raw.socket.destroy(), LINGER_MS).unref()
    } catch (error) {
      // a body that breaks off is a caller that left
      if (!request.callerGone.aborted) throw error
    } finally {
      forget()
    }
  }
}

async function asked({ bytes }: Line, { ask, refused, maxBytes }: PredictStreamParts): Promise<ClassifyRequest> {
  try {
    if (bytes) return await ask(bytes)
    throw new PayloadTooLarge(`the line is longer than ${maxBytes} bytes; send fewer or shorter texts in one`)
  } catch (error) {
    refused(isLextierError(error) ? error.code : 'INTERNAL')
    throw error
  }
}

/** A stream has no hurry of its own: where a lone request is told to come again, a line without a budget does so. */
async function classifyPatiently(request: ClassifyRequest, { classify, draining }: PredictStreamParts) {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)) {
    try {
      return await classify(Object.assign({}, request, { arrivalMs: performance.now() }))
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== 'OVERLOADED' || request.budgetMs !== undefined || draining.begun) throw error
    }
    await sleep(pauseMs, undefined, request.signal && { signal: request.signal }).catch(() => {
      throw new RequestAborted()
    })
  }
}

function ndjson(value: object): string {
  return `${JSON.stringify(value)}\n`
}

/** Lines that can be told to end, even while the next one has not come. */
class InterruptibleLines implements AsyncIterator<Line> {
  readonly #lines: AsyncIterator<Line>
  #end: (() => void) | undefined
  interrupted = false

  constructor(lines: AsyncIterator<Line>) {
    this.#lines = lines
  }

  interrupt(): void {
    this.interrupted = true
    this.#end?.()
  }

  next(): Promise<IteratorResult<Line>> {
    const end = { done: true, value: undefined } as const
    if (this.interrupted) return Promise.resolve(end)
    return new Promise((resolve, reject) => {
      this.#end = () => resolve(end)
      this.#lines.next().then(resolve, reject)
    })
  }
}
