import { setTimeout as sleep } from 'node:timers/promises'
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino'
import { isLextierError } from '../errors.js'
import { stackFrames } from '../stack-frames.js'

/**
 * Every write hands the lines to another thread, which costs an answer a tenth of its CPU time: a full buffer is one write, and so is
 * what this much time brings; every line but those of requests is written at once. A pipe takes 4 KiB as a whole, so that the lines of
 * several processes do not mix.
 */
const BUFFERED_WRITES = { minLength: 3_600, maxWrite: 4_096, periodicFlush: 100 } as const

/** The message of a request's line. */
export const REQUEST_LINE = 'request'

/**
 * The server's log: JSON lines without request texts. Requests are logged as method and route; an error that is not ours
 * is logged as its name and stack frames, since the message of a foreign error (a parser's, a tokenizer's) may quote what
 * it was given.
 */
export function createServerLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { req: describeRequest, res: describeResponse, err: describeError, error: describeError },
  }
  if (destination) return pino(options, destination)
  const stream = pino.destination({ dest: 1, sync: false, ...BUFFERED_WRITES })
  // what comes while a write is under way is not flushed by `flush`: once more when that is done
  let isUrgent = false
  stream.on('drain', () => {
    if (!isUrgent) return
    isUrgent = false
    stream.flush()
  })
  const hooks: LoggerOptions['hooks'] = {
    logMethod(args, method) {
      method.apply(this, args)
      if (args.at(-1) === REQUEST_LINE) return
      isUrgent = true
      stream.flush()
    },
  }
  return pino({ ...options, hooks }, stream)
}

/** A reader that does not read must not keep a process that has nothing else to do. */
const FLUSH_TIMEOUT_MS = 1_000

/**
 * Before the process ends in order: what is still being written at its exit may be written a second time by the logger.
 * @returns when every line so far is written, or cannot be
 */
export async function written(logger: Pick<Logger, 'flush'>): Promise<void> {
  const flush = () => new Promise<void>((resolve) => logger.flush(() => resolve()))
  // the first waits for the write under way, the second writes what came up behind it
  const all = flush().then(flush)
  await Promise.race([all, sleep(FLUSH_TIMEOUT_MS, undefined, { ref: false })])
}

function describeRequest(request: { id?: string; method?: string }): object {
  return { id: request.id, method: request.method }
}

function describeResponse(response: { statusCode?: number }): object {
  return { statusCode: response.statusCode }
}

/** @returns code and message of our own server-side errors; name and stack frames of any other */
export function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error }
  if (isLextierError(error)) {
    const ours = { code: error.code, statusCode: error.statusCode }
    // a caller's fault may name what the caller sent
    return (error.statusCode ?? 500) >= 500 && error.name === 'FastifyError'
      ? { ...ours, message: error.message }
      : ours
  }
  const frames = stackFrames(error).slice(0, 12)
  return { type: error.name, stack: frames.map((line) => line.trim()) }
}
