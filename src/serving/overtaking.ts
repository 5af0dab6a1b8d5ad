/**
 * How much work will yet come that is more urgent than what waits. Under earliest-deadline-first a request waits not only
 * for what is ahead of it when it arrives: everything that comes while it waits with an earlier deadline goes first. The
 * recent rate of arriving work, told apart by the time that it came with, says how much that will be.
 */

/** Two classes an octave, from 1 ms to about a minute. */
const CLASSES_PER_OCTAVE = 2
const CLASSES = 34
/** How long an arrival counts, ms: the load of the last seconds is the best guess for the next. */
const MEMORY_MS = 4_000

export class Overtaking {
  /** engine time that arrived with so much slack, decayed to `#atMs` */
  readonly #workMs = new Float64Array(CLASSES)
  #atMs = 0

  /** @param slackMs from arrival to deadline */
  arrived(slackMs: number, costMs: number, nowMs: number): void {
    const kept = this.#decay(nowMs)
    for (let index = 0; index < CLASSES; index++) this.#workMs[index]! *= kept
    this.#atMs = nowMs
    this.#workMs[slackClass(slackMs)]! += costMs
  }

  /**
   * The wait until an engine has done what is ahead and what overtakes meanwhile. After t ms of waiting, what arrives with
   * less than `slackMs - t` overtakes; within one class of slack its rate is constant, so that the work left falls along a
   * line, and the wait is where it reaches zero.
   * @param waitMs for what is ahead now
   * @param slackMs from now to the deadline; when none is left nothing overtakes
   * @returns ms, at least `waitMs`, and no more than `slackMs` where `waitMs` is not
   */
  extend(waitMs: number, slackMs: number, engines: number, nowMs: number): number {
    if (waitMs <= 0 || waitMs >= slackMs) return waitMs
    const perMs = this.#decay(nowMs) / (MEMORY_MS * Math.max(1, engines))
    let rate = 0
    const highest = slackClass(slackMs)
    for (let index = 0; index < highest; index++) rate += this.#workMs[index]! * perMs
    let left = waitMs
    let elapsedMs = 0
    for (let index = highest; index >= 0; index--) {
      const own = this.#workMs[index]! * perMs
      // half of the own class has less slack
      const drain = 1 - rate - own / 2
      const spanMs = slackMs - elapsedMs - lowerBoundMs(index)
      if (drain > 0 && left <= drain * spanMs) return elapsedMs + left / drain
      left -= drain * spanMs
      elapsedMs += spanMs
      rate -= index > 0 ? this.#workMs[index - 1]! * perMs : 0
    }
    return slackMs
  }

  #decay(nowMs: number): number {
    return Math.exp(-Math.max(0, nowMs - this.#atMs) / MEMORY_MS)
  }
}

function slackClass(slackMs: number): number {
  const octaves = Math.log2(Math.max(1, slackMs))
  return Math.min(CLASSES - 1, Math.floor(CLASSES_PER_OCTAVE * octaves))
}

function lowerBoundMs(index: number): number {
  return index === 0 ? 0 : 2 ** (index / CLASSES_PER_OCTAVE)
}
