/**
 * Whether an engine on a CPU has its next batch before the end of the one that it runs: to hear of the end and to hand over the next takes
 * as long as a short run, and more where the thread that does it has answers to write or requests to refuse. What an engine has been given
 * is neither overtaken nor dropped, nor does it run together with what comes meanwhile. Not for GPUs, where batches grow that way. Pure
 * policy.
 */

/** However few wait: no longer than handing over takes. */
const SHORT_RUN_MS = 3
/** Sequences that wait of which batches are full without what comes meanwhile, and which take far longer than what is given here. */
const MANY_WAITING = 32
/** Where many wait, of the one run that the next batch waits for: under overload an idle engine waits for ms in place of tenths of one. */
const RUN_MS = 25
/** Where many wait, of several runs: about a turn of an event loop that refuses as fast as it can. */
const SHORT_RUNS_MS = 8

/** @param batches that it has @param busyMs what they take together, or longer where it is held up @param waiting sequences that wait for engines */
export function mayHaveBefore(batches: number, busyMs: number, waiting: number): boolean {
  if (waiting < MANY_WAITING) return batches === 1 && busyMs <= SHORT_RUN_MS
  return busyMs <= (batches === 1 ? RUN_MS : SHORT_RUNS_MS)
}
