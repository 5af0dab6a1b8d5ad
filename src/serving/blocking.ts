/**
 * What a run does to requests that have not come yet. An engine does not stop in the middle of a run: who comes t ms after
 * the start of a run of r ms waits r - t ms, and is late when its slack (what its budget leaves beyond its own time on the
 * cheapest tier) is less than that. Requests that come at a rate λ are late, expected,
 *
 *   λ ∫₀^r P(slack < w) dw = Σ over the requests of the last T ms of (r - slack)⁺ / T
 *
 * With other engines a request waits only while all of them are busy: for the first that becomes free, and from then on,
 * with Erlang's probability, for one of those that take their place. Who waits makes those behind it wait in turn, until the
 * queue is next empty: 1 / (1 - load) times as long.
 */

/**
 * How many requests a more accurate tier may make late, expected, its own included. In simulation (two CPUs, one lane or two, half to
 * all of the capacity) 0.03 costs up to two points of the budgets that always the fast tier would meet.
 */
export const DEFAULT_TOLERATED_LATE = 0.03

/** Four classes of slack an octave, from 0.5 ms to about a minute. */
const CLASSES_PER_OCTAVE = 4
const LOWEST_MS = 0.5
const CLASSES = 68
/** T: how long a request counts, in the mean of an exponential memory; enough for dozens of them at loads that matter. */
const MEMORY_MS = 8_000
/** Beyond it the queue is not expected to empty; nothing is learnt from a larger factor. */
const HIGHEST_LOAD = 0.95

export class Blocking {
  /** requests with so much slack, and the sum of their slack, decayed to `#atMs` */
  readonly #counts = new Float64Array(CLASSES)
  readonly #slackMs = new Float64Array(CLASSES)
  /** all requests, those that no run makes late too */
  #arrivals = 0
  #runs = 0
  #runMs = 0
  #atMs = 0

  /** Mean time of the last runs; 0 before the first. */
  get meanRunMs(): number {
    return this.#runs > 0 ? this.#runMs / this.#runs : 0
  }

  /**
   * Every request counts, refused ones too.
   * @param slackMs negative where an idle server would be late, so that no run makes it so; infinite without a budget
   */
  arrived(slackMs: number, nowMs: number): void {
    this.#forget(nowMs)
    this.#arrivals++
    if (slackMs < 0 || !Number.isFinite(slackMs)) return
    const index = slackClass(slackMs)
    this.#counts[index]! += 1
    this.#slackMs[index]! += slackMs
  }

  /** An engine began a run that is expected to take so long. */
  began(runMs: number, nowMs: number): void {
    this.#forget(nowMs)
    this.#runs++
    this.#runMs += runMs
  }

  /** @returns runs that begin in so many ms, expected */
  runsDuring(ms: number, nowMs: number): number {
    return (this.#runs * ms * Math.exp(-Math.max(0, nowMs - this.#atMs) / MEMORY_MS)) / MEMORY_MS
  }

  /**
   * @param runMs of one engine
   * @param othersMs for each other engine, ms from the run's start until it is free; 0 when it is idle
   * @returns requests yet to come that the run is expected to make late
   */
  expectedLate(runMs: number, othersMs: readonly number[], nowMs: number): number {
    const perMs = Math.exp(-Math.max(0, nowMs - this.#atMs) / MEMORY_MS) / MEMORY_MS
    const load = Math.min(HIGHEST_LOAD, (this.#runMs * perMs) / (othersMs.length + 1))
    const soonFree = othersMs.filter((ms) => ms < runMs)
    const blockedMs = Math.min(runMs, ...soonFree)
    let late = this.#lateDuring(blockedMs)
    const waitMs = Math.min(this.meanRunMs, runMs - blockedMs)
    if (waitMs > 0) {
      const waits = erlangC(soonFree.length, this.#arrivals * perMs * this.meanRunMs)
      late += (waits * (runMs - blockedMs) * this.#lateDuring(waitMs)) / waitMs
    }
    return (late * perMs) / (1 - load)
  }

  /** Sum of (r - slack)⁺ over the requests remembered. */
  #lateDuring(runMs: number): number {
    let late = 0
    const highest = slackClass(runMs)
    for (let index = 0; index <= highest; index++) {
      late += Math.max(0, this.#counts[index]! * runMs - this.#slackMs[index]!)
    }
    return late
  }

  #forget(nowMs: number): void {
    const kept = Math.exp(-Math.max(0, nowMs - this.#atMs) / MEMORY_MS)
    this.#atMs = Math.max(this.#atMs, nowMs)
    for (let index = 0; index < CLASSES; index++) {
      this.#counts[index]! *= kept
      this.#slackMs[index]! *= kept
    }
    this.#arrivals *= kept
    this.#runs *= kept
    this.#runMs *= kept
  }
}

function slackClass(slackMs: number): number {
  const octaves = Math.log2(Math.max(LOWEST_MS, slackMs) / LOWEST_MS)
  return Math.min(CLASSES - 1, Math.floor(CLASSES_PER_OCTAVE * octaves))
}

/**
 * Share of requests that find all servers busy and wait.
 * @param offered work, in servers
 * @see Erlang 1917; through his formula for requests that do not wait, by its usual recursion
 */
function erlangC(servers: number, offered: number): number {
  if (offered >= servers) return 1
  let lost = 1
  for (let server = 1; server <= servers; server++) lost = (offered * lost) / (server + offered * lost)
  return lost / (1 - (offered / servers) * (1 - lost))
}
