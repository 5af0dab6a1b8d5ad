// one Ctrl-C or one kill of a process group reaches this process twice under npm: from the system and passed on by npm
const SAME_SIGNAL_MS = 1_000
const NUMBERS = { SIGTERM: 15, SIGINT: 2 } as const

export interface StoppableProcess {
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown
  exit(code: number): void
}

/**
 * The first signal stops in order and exits with the code that `stop` gives; another one, a second later or more, exits at
 * once with 128 + its number.
 * @returns stops in order for another reason than a signal
 */
export function stopOnSignals(
  process: StoppableProcess,
  stop: (reason: string) => Promise<number>,
  nowMs: () => number = () => performance.now(),
): (reason: string) => void {
  let sinceMs: number | undefined
  const begin = (reason: string) => {
    if (sinceMs !== undefined) return
    sinceMs = nowMs()
    void stop(reason).then((exitCode) => process.exit(exitCode))
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (sinceMs === undefined) begin(signal)
      else if (nowMs() - sinceMs > SAME_SIGNAL_MS) process.exit(128 + NUMBERS[signal])
    })
  }
  return begin
}
