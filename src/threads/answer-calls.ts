/** A thread's end of its calls: see CallThread. */
import { getPriority, platform, setPriority } from 'node:os'
import { parentPort, type TransferListItem } from 'node:worker_threads'

export interface Call<Argument> {
  readonly id: number
  readonly argument: Argument
}

export interface Outcome<Result> {
  readonly id: number
  readonly result?: Result
  /** it threw; the message stays here, since it may quote a caller's text */
  readonly failed?: true
}

/** Between the API's event loop and the engines. */
const NICENESS = 5

/**
 * Answers every call with what `work` returns. Calls that wait for something are answered side by side.
 * @param transferOf memory in a result that goes over instead of being copied
 */
export function answerCalls<Argument, Result>(
  work: (argument: Argument) => Result | Promise<Result>,
  transferOf: (result: Result) => readonly TransferListItem[] = () => [],
): void {
  lowerPriority()
  const answer = async ({ id, argument }: Call<Argument>) => {
    try {
      const result = await work(argument)
      parentPort?.postMessage({ id, result } satisfies Outcome<Result>, transferOf(result))
    } catch {
      parentPort?.postMessage({ id, failed: true } satisfies Outcome<Result>)
    }
  }
  parentPort?.on('message', (call: Call<Argument>) => void answer(call))
}

/** Linux has a priority for each thread; elsewhere this would be the whole process's. */
function lowerPriority(): void {
  if (platform() !== 'linux') return
  try {
    setPriority(0, Math.max(getPriority(0), NICENESS))
  } catch {
    // some sandboxes forbid it
  }
}
