import { CommanderError } from 'commander'
import { isLextierError, TrainingNotInstalled } from '../errors.js'

export const EXIT_FAILURE = 1
export const EXIT_USAGE = 2

/** @returns the package that a lazily imported command could not find; the serving image has none of training's */
function missingPackage(error: unknown): string | undefined {
  if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ERR_MODULE_NOT_FOUND') return undefined
  return /Cannot find package '([^']+)'/.exec((error as Error).message)?.[1]
}
