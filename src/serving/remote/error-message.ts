/** An error on its way between processes: structured clones keep neither its code nor what else callers are told. */
import { isLextierError } from '../../errors.js'
import { stackFrames } from '../../stack-frames.js'

export interface ErrorMessage {
  readonly name: string
  /** of an error of src/errors.ts; the message of any other may hold anything and stays where it was thrown */
  readonly message: string
  readonly code?: string
  readonly statusCode?: number
  readonly retryAfterSeconds?: number
  /** of other errors, for the log: where it was thrown, without the message */
  readonly frames?: readonly string[]
}

export function errorToMessage(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) return { name: 'Error', message: '', frames: [] }
  const { name } = error
  if (!isLextierError(error)) return { name, message: '', frames: stackFrames(error) }
  const { code, statusCode, message } = error
  const { retryAfterSeconds } = error as { retryAfterSeconds?: number }
  return {
    name,
    message,
    code,
    ...(statusCode !== undefined && { statusCode }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }
}

/** @returns an error that is told to callers, and logged, as the one that was thrown would be */
export function errorFromMessage({ frames, ...parts }: ErrorMessage): Error {
  // its own stack says nothing
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  const error = Object.assign(new Error(parts.message), parts)
  Error.stackTraceLimit = limit
  if (frames) error.stack = [`${parts.name}:`, ...frames].join('\n')
  return error
}
