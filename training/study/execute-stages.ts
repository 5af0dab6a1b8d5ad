/** Runs the stages of a plan in order, each once: finished ones are skipped, a failed one stops only what depends on it. */
import { DiskFull, isLextierError, isOutOfSpace } from '../../src/errors.js'
import type { OnEvent } from '../recipes/events.js'
import { runStage, weightsNeeded } from './run-stage.js'
import type { StageContext } from './stage-context.js'
import { byProgram } from './stage-order.js'
import type { StageStore } from './stage-store.js'
import type { Stage } from './stages.js'

/** A stage and the study that it is part of; a sweep's trials are studies of their own. */
export interface WantedStage {
  readonly stage: Stage
  readonly context: StageContext
}

export interface ExecuteOptions {
  readonly store: StageStore
  readonly onEvent: OnEvent
  /** in an order in which they can run, each once */
  readonly wanted: readonly WantedStage[]
  /** names this process where several share the folder; claims are made then */
  readonly holder?: string | undefined
  /** weights of models that no report needs any more are removed */
  readonly dropWeights: (stage: Stage) => boolean
}

export interface Execution {
  /** name → error, of stages that failed now */
  readonly failures: ReadonlyMap<string, string>
  /** names of stages that wait for one that failed */
  readonly blocked: readonly string[]
}

/** Between two looks at a stage that another process has claimed. */
const POLL_MS = 2_000

/** @throws DiskFull, after which nothing can go on; every other failure is recorded */
export async function executeStages(options: ExecuteOptions): Promise<Execution> {
  const { wanted, holder, store } = options
  await forgetWithoutWeights(options)
  const failed = new Map<string, string>()
  const blocked = new Map<string, string>()
  const pending = new Map(
    byProgram(wanted.filter(({ stage }) => !store.isFinished(stage.key))).map((item) => [item.stage.key, item]),
  )
  const progress = progressOf(options)
  while (pending.size > 0) {
    let advanced = false
    for (const { stage, context } of [...pending.values()]) {
      const { key, name, dependsOn } = stage
      const stopped = dependsOn.some((needed) => failed.has(needed) || blocked.has(needed))
      if (stopped) blocked.set(key, name)
      if (stopped || store.isFinished(key)) {
        progress.passes(stage)
        pending.delete(key)
        advanced = true
        continue
      }
      if (dependsOn.some((needed) => !store.isFinished(needed))) continue
      const release = holder === undefined ? async () => {} : await store.claim(key, holder)
      if (!release) continue
      try {
        // another process may have finished it between the look and the claim
        if (!store.isFinished(key)) {
          progress.begins(stage)
          await runStage(stage, context)
          progress.ends(stage)
        } else progress.passes(stage)
      } catch (error) {
        progress.passes(stage)
        failed.set(key, await recordFailure(options, stage, error))
      } finally {
        await release()
      }
      pending.delete(key)
      advanced = true
      await dropWeights(options, pending)
    }
    if (!advanced) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  const nameOf = new Map(wanted.map(({ stage }) => [stage.key, stage.name]))
  return {
    failures: new Map([...failed].map(([key, error]) => [nameOf.get(key)!, error])),
    blocked: [...blocked.values()],
  }
}

/** A finished stage whose weights were not kept counts as not finished where another stage reads them. */
async function forgetWithoutWeights({ store, wanted }: ExecuteOptions): Promise<void> {
  for (const { stage } of wanted.toReversed()) {
    if (store.isFinished(stage.key)) continue
    for (const key of weightsNeeded(stage)) {
      if (store.isFinished(key) && !store.hasWeights(key)) await store.forget(key)
    }
  }
}

async function dropWeights(
  { store, dropWeights: drop, wanted }: ExecuteOptions,
  pending: ReadonlyMap<string, WantedStage>,
): Promise<void> {
  const needed = new Set([...pending.values()].flatMap(({ stage }) => weightsNeeded(stage)))
  for (const { stage } of wanted) {
    if (!pending.has(stage.key) && !needed.has(stage.key) && drop(stage)) await store.dropWeights(stage.key)
  }
}

async function recordFailure({ store, onEvent }: ExecuteOptions, stage: Stage, error: unknown): Promise<string> {
  if (isOutOfSpace(error) || error instanceof DiskFull) throw error
  const { message } = error as Error
  // what is not ours is a defect, whose stack helps whoever repairs it
  const text = isLextierError(error) ? `${error.code}: ${message}` : String((error as Error).stack ?? error)
  await store.fail(stage.key, { name: stage.name, error: text, at: new Date().toISOString() })
  onEvent({ type: 'warning', message: `${stage.name} failed, the rest goes on without it. ${text}` })
  return text
}

/** Says which stage of how many begins, and how long the rest may take by what the finished ones took. */
function progressOf({ store, onEvent, wanted }: ExecuteOptions) {
  const total = wanted.length
  const left = wanted.filter(({ stage }) => !store.isFinished(stage.key))
  let done = total - left.length
  let costLeft = left.reduce((sum, { stage }) => sum + stage.cost, 0)
  let costDone = 0
  let secondsDone = 0
  let began = performance.now()
  if (done > 0) onEvent({ type: 'message', message: `${done} of ${total} stages were finished before` })
  return {
    begins(stage: Stage) {
      began = performance.now()
      const etaSeconds = costDone > 0 ? (secondsDone / costDone) * costLeft : undefined
      onEvent({
        type: 'progress',
        stage: stage.name,
        index: done + 1,
        stages: total,
        ...(etaSeconds && { etaSeconds }),
      })
    },
    ends(stage: Stage) {
      costDone += stage.cost
      secondsDone += (performance.now() - began) / 1000
      this.passes(stage)
    },
    /** Without having been run here: it failed, waits for one that did, or another process finished it. */
    passes({ cost }: Stage) {
      done++
      costLeft -= cost
    },
  }
}
