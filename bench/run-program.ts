import type { Command } from 'commander'
import { isLextierError } from '../src/errors.js'

/** Runs a bench's command line. An interrupted one takes its server along, which ends in the handlers of exit. */
export async function runProgram(program: Command): Promise<void> {
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  try {
    await program.parseAsync()
  } catch (error) {
    process.stderr.write(isLextierError(error) ? `${error.code}: ${error.message}\n` : `${(error as Error).stack}\n`)
    // requests that are still out may take minutes
    process.exit(1)
  }
}
