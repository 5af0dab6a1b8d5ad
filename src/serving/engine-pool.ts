/**
 * The inference processes: as many as asked for, or as many pairs (run-width.ts), each holding every tier. One that dies is started
 * again, at first at once, then ever more patiently.
 */
import { EngineFailed } from '../errors.js'
import type { Provider } from '../onnx/providers.js'
import type { Limit } from '../threads/limit-concurrency.js'
import { mayHaveBefore } from './beforehand.js'
import { type Batch, type BatchResult, Engine, type EngineOptions } from './engine.js'
import type { TierFailed, TierLoaded } from './engine-protocol.js'
import { count, type GivenBatch, givenMs, isIdle, isServing, leftMs, type Slot, stateOf } from './engine-slot.js'
import { type Crowd, canRunWide, nextWidth, type PairState, type RunWidth } from './run-width.js'

export interface EnginePoolOptions extends Omit<EngineOptions, 'load'> {
  readonly engines: number
  /** each engine is a pair of processes; default: one process */
  readonly paired?: boolean
  /** what the engines are for, for the log */
  readonly lane: string
  /** GPUs that the engines take in turn */
  readonly devices: number
  /** of first starts, beside others that serve; default: all start at once */
  readonly gate?: Limit | undefined
  readonly load: Omit<EngineOptions['load'], 'device' | 'widths'>
}

export interface EnginePoolEvents {
  tierLoaded(report: TierLoaded): void
  tierFailed(report: TierFailed): void
  /** an engine has become free, or has just become ready */
  capacity(): void
  /** an engine died unasked */
  died(reason: string, wasReady: boolean): void
}

/** What a run took, apart from the time that it waited in the engine. */
export interface PoolResult extends BatchResult {
  /** in the engine, for the run before it */
  readonly waitedMs: number
}

const FIRST_START_GUESS_MS = 2_000
const PROVEN_AFTER_MS = 10_000
const HOPELESS_AFTER_FAILURES = 3

const nothing = () => {}

/** @returns ms to wait before the n-th restart in a row, n from 1 */
export function restartDelayMs(failures: number): number {
  return failures <= 1 ? 0 : Math.min(30_000, 250 * 2 ** (failures - 2))
}

export class EnginePool {
  readonly #options: EnginePoolOptions
  readonly #events: EnginePoolEvents
  readonly #slots: Slot[] = []
  #stopping = false
  #lastDeath: string | undefined

  constructor(options: EnginePoolOptions, events: EnginePoolEvents) {
    this.#options = options
    this.#events = events
    this.grow(options.engines)
  }

  /** Adds engines until there are this many. */
  grow(engines: number): void {
    const processes = this.paired ? 2 : 1
    while (this.#slots.length < processes * engines && !this.#stopping) {
      const index = this.#slots.length
      const slot: Slot = {
        index,
        pair: Math.floor(index / processes),
        isSecond: index % processes === 1,
        engine: undefined,
        state: 'waiting',
        launched: false,
        served: false,
        startedMs: 0,
        startupMs: FIRST_START_GUESS_MS,
        failures: 0,
        retryTimer: undefined,
        leaveGate: nothing,
        batches: [],
      }
      this.#slots.push(slot)
    }
    for (const slot of this.#slots) if (!slot.isSecond) this.#launch(slot)
  }

  #launch(slot: Slot): void {
    if (slot.launched) return
    slot.launched = true
    const { gate } = this.#options
    if (gate === undefined) this.#start(slot)
    else void gate(() => this.#startAlone(slot))
  }

  get paired(): boolean {
    return this.#options.paired ?? false
  }

  get provider(): Provider {
    return this.#options.load.provider
  }

  /** @param waiting sequences @returns engines that could take a batch now: they run none, or are soon done */
  idle(waiting = 0): number {
    return count(this.#slots, (slot) => this.#canTake(slot, waiting))
  }

  /** Engines that have loaded what they hold. */
  get serving(): number {
    return count(this.#slots, isServing)
  }

  get pids(): number[] {
    return this.#slots.flatMap(({ engine }) => engine?.pid ?? [])
  }

  /** Every engine has been ready at least once; a pair is without its second process where that cannot be started, for want of memory perhaps. */
  get warm(): boolean {
    return this.#slots.every(
      ({ served, isSecond, failures }) => served || (isSecond && failures >= HOPELESS_AFTER_FAILURES),
    )
  }

  /** No engine serves, and each has failed to start several times in a row. */
  get hopeless(): boolean {
    return (
      this.serving === 0 &&
      this.#slots.every(({ launched, failures }) => !launched || failures >= HOPELESS_AFTER_FAILURES)
    )
  }

  /** Why the last engine that died did; undefined when none has. */
  get lastDeath(): string | undefined {
    return this.#lastDeath
  }

  /** @returns how the next batch of a model that gains by threads runs; engines must be pairs */
  nextWidth(crowd: Crowd): RunWidth {
    const pairs = this.#pairs()
    // what is soon done has its next batch before
    return pairs.some(canRunWide) || this.idle(crowd.sequences) === 0 ? nextWidth(pairs, crowd) : 'narrow'
  }

  /**
   * @param width of the run that is thought of; default: wide where engines are no pairs
   * @returns for each engine that serves, or of pairs each process for narrow runs, ms until it is free; when none does, until the
   *   first is expected back
   */
  busyMs(nowMs: number, width: RunWidth = 'narrow'): number[] {
    const serving = this.#slots.filter(isServing)
    if (serving.length > 0) {
      const first = this.paired && width === 'wide' ? serving.filter(({ isSecond }) => !isSecond) : []
      if (first.length > 0) {
        return first.map((slot) => Math.max(leftMs(slot, nowMs), leftMs(this.#other(slot)!, nowMs)))
      }
      return serving.map((slot) => leftMs(this.#isAside(slot) ? this.#other(slot)! : slot, nowMs))
    }
    const waits = this.#slots.map(({ startedMs, startupMs }) => Math.max(startedMs + startupMs - nowMs, startupMs / 10))
    return [Math.min(...waits)]
  }

  /**
   * Runs a batch on an engine that could take one; there must be one.
   * @throws EngineFailed when the engine fails or dies with it
   */
  async run(batch: Batch, expectedMs: number): Promise<PoolResult> {
    const slot = this.#takerOf(batch)
    if (!slot?.engine) throw new EngineFailed('no engine is free')
    const givenMs = performance.now()
    const given: GivenBatch = { sinceMs: givenMs, expectedMs, width: batch.width ?? 'wide' }
    slot.batches.push(given)
    try {
      const { logits, inferenceMs } = await slot.engine.run(batch)
      return { logits, inferenceMs, waitedMs: given.sinceMs - givenMs }
    } finally {
      slot.batches = slot.batches.filter((one) => one !== given)
      if (slot.batches[0]) slot.batches[0].sinceMs = performance.now()
      // after whoever awaits this result has seen it
      if (isServing(slot)) setImmediate(() => this.#events.capacity())
    }
  }

  /** Ends every engine after what it runs now. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(
      this.#slots.map(async (slot) => {
        clearTimeout(slot.retryTimer)
        await slot.engine?.stop()
        slot.state = 'stopped'
      }),
    )
  }

  #takerOf({ width = 'wide' }: Batch): Slot | undefined {
    if (this.paired && width === 'wide')
      return this.#slots.find((slot) => !slot.isSecond && canRunWide(this.#stateOf(slot)))
    // beside another narrow run first
    const halves = this.paired ? this.#slots.filter((slot) => (this.#other(slot)?.batches.length ?? 0) > 0) : []
    return halves.find(this.#isFree) ?? this.#slots.find(this.#isFree) ?? this.#soonestDone()
  }

  /** Of those that may have a batch before the end of what they run; whether so many wait has been asked. */
  #soonestDone(): Slot | undefined {
    const nowMs = performance.now()
    const takers = this.#slots.filter((slot) => this.#canTake(slot, Number.POSITIVE_INFINITY))
    return takers.sort((a, b) => leftMs(a, nowMs) - leftMs(b, nowMs))[0]
  }

  readonly #isFree = (slot: Slot): boolean => isIdle(slot) && !this.#isAside(slot)

  /** The other process of its pair runs on all of the threads. */
  #isAside(slot: Slot): boolean {
    return this.paired && this.#other(slot)?.batches[0]?.width === 'wide'
  }

  #other({ index, isSecond }: Slot): Slot | undefined {
    return this.#slots[isSecond ? index - 1 : index + 1]
  }

  #stateOf(first: Slot): PairState {
    return { first: stateOf(first), second: stateOf(this.#other(first)!) }
  }

  #pairs(): PairState[] {
    return this.#slots.filter(({ isSecond }) => !isSecond).map((first) => this.#stateOf(first))
  }

  #canTake(slot: Slot, waiting: number): boolean {
    if (!isServing(slot) || this.#isAside(slot)) return false
    const [running] = slot.batches
    if (running === undefined) return true
    if (this.provider !== 'cpu' || (this.paired && running.width === 'wide')) return false
    // one that is held up is given nothing more
    const busyMs = Math.max(givenMs(slot), leftMs(slot, performance.now()))
    return mayHaveBefore(slot.batches.length, busyMs, waiting)
  }

  /** @returns once it is ready or gone */
  #startAlone(slot: Slot): Promise<void> {
    if (this.#stopping) return Promise.resolve()
    return new Promise((resolve) => {
      slot.leaveGate = resolve
      this.#start(slot)
    })
  }

  #start(slot: Slot): void {
    const { devices, gate } = this.#options
    slot.state = 'starting'
    slot.startedMs = performance.now()
    const load = {
      ...this.#options.load,
      device: slot.pair % devices,
      widths: this.#widthsOf(slot),
      restarted: slot.served,
      // what is to run only when idle has a priority so low that it gives way of itself
      gentle: gate !== undefined && !slot.served && !this.#options.load.onlyWhenIdle,
    }
    try {
      slot.engine = this.#engineOf(slot, load)
    } catch (error) {
      // whoever starts it does not expect its end yet
      setImmediate(() => this.#restart(slot, `could not be started: ${(error as Error).message}`))
    }
  }

  #engineOf(slot: Slot, load: EngineOptions['load']): Engine {
    const { log, lane } = this.#options
    const engine = new Engine(
      { ...this.#options, load },
      {
        tierLoaded: (report) => this.#events.tierLoaded(report),
        tierFailed: (report) => this.#events.tierFailed(report),
        ready: () => {
          slot.state = 'serving'
          slot.served = true
          slot.startupMs = performance.now() - slot.startedMs
          slot.leaveGate()
          if (this.paired && !slot.isSecond) this.#launch(this.#other(slot)!)
          const startupMs = Math.round(slot.startupMs)
          log.info({ lane, engine: slot.index, pid: engine.pid, startupMs }, 'engine ready')
          this.#events.capacity()
        },
        gone: (reason) => this.#restart(slot, reason),
      },
    )
    return engine
  }

  #widthsOf({ isSecond }: Slot): readonly RunWidth[] {
    if (!this.paired) return ['wide']
    return isSecond ? ['narrow'] : ['wide', 'narrow']
  }

  #restart(slot: Slot, reason: string): void {
    const wasReady = slot.state === 'serving'
    slot.engine = undefined
    slot.state = 'waiting'
    slot.leaveGate()
    if (this.#stopping) return
    const provenMs = performance.now() - slot.startedMs - slot.startupMs
    slot.failures = wasReady && provenMs > PROVEN_AFTER_MS ? 1 : slot.failures + 1
    const delayMs = restartDelayMs(slot.failures)
    this.#lastDeath = reason
    const { lane, log } = this.#options
    log.error({ lane, engine: slot.index, reason, delayMs }, 'engine stopped; starting it again')
    slot.retryTimer = setTimeout(() => this.#start(slot), delayMs)
    this.#events.died(reason, wasReady)
  }
}
