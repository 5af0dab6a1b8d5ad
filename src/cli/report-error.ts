import { CommanderError } from 'commander'
import { DiskFull, isLextierError, isOutOfSpace, TrainingNotInstalled } from '../errors.js'

export const EXIT_FAILURE = 1
export const EXIT_USAGE = 2

/** What a failed command prints on stderr, and its exit code: 2 where the command line or the configuration is wrong. */
export interface Failure {
  readonly text: string
  readonly exitCode: number
}

export function describeFailure(error: unknown): Failure {
  // commander has printed its own message, and ends --help and --version this way too
  if (error instanceof CommanderError) return { text: '', exitCode: error.exitCode === 0 ? 0 : EXIT_USAGE }
  if (isLextierError(error)) {
    const usage = error.code === 'INVALID_CONFIGURATION'
    return { text: `${error.code}: ${error.message}\n`, exitCode: usage ? EXIT_USAGE : EXIT_FAILURE }
  }
  if (isOutOfSpace(error)) return describeFailure(new DiskFull(error.path ?? 'a file'))
  const missing = missingPackage(error)
  if (missing) return describeFailure(new TrainingNotInstalled(missing))
  // not one of ours: a defect, whose stack helps whoever repairs it
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { text: `INTERNAL: ${text}\n`, exitCode: EXIT_FAILURE }
}

/** @returns the package that a lazily imported command could not find; the serving image has none of training's */
function missingPackage(error: unknown): string | undefined {
  if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ERR_MODULE_NOT_FOUND') return undefined
  return /Cannot find package '([^']+)'/.exec((error as Error).message)?.[1]
}
