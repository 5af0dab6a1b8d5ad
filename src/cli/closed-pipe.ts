/** What a command does when nobody reads its output any more, as in `lextier predict … | head`. */
const SIGPIPE = 13

/** Ends the process, without a message, as a closed pipe ends other programs: with 128 + SIGPIPE. Other faults are thrown. */
export function endWithReader(
  process: { exit(code: number): void },
  outputs: readonly { on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown }[],
): void {
  for (const output of outputs) {
    output.on('error', (error) => {
      if (error.code !== 'EPIPE') throw error
      process.exit(128 + SIGPIPE)
    })
  }
}
