/** Runs the stages of a plan in order, each once: finished ones are skipped, a failed one stops only what depends on it. */
import { DiskFull, isLextierError, isOutOfSpace } from '../../src/errors.js'
import { runStage, weightsNeeded } from './run-stage.js'
import type { StageContext } from './stage-context.js'
import type { Stage } from './stages.js'

export interface ExecuteOptions {
  /** stages to run, in an order in which they can */
  readonly wanted: readonly Stage[]
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
export async function executeStages(context: StageContext, options: ExecuteOptions): Promise<Execution> {
  const { store } = context
  const { wanted, holder } = options
  await forgetWithoutWeights(context, wanted)
  const failed = new Map<string, string>()
  const blocked = new Set<string>()
  const pending = new Map(wanted.filter(({ key }) => !store.isFinished(key)).map((stage) => [stage.key, stage]))
  const progress = progressOf(context, wanted)
  while (pending.size > 0) {
    let advanced = false
    for (const stage of [...pending.values()]) {
      if (store.isFinished(stage.key)) {
        pending.delete(stage.key)
        advanced = true
        continue
      }
      if (stage.dependsOn.some((key) => failed.has(key) || blocked.has(key))) {
        blocked.add(stage.key)
        pending.delete(stage.key)
        advanced = true
        continue
      }
      if (stage.dependsOn.some((key) => !store.isFinished(key))) continue
      const release = holder === undefined ? async () => {} : await store.claim(stage.key, holder)
      if (!release) continue
      try {
        // another process may have finished it between the look and the claim
        if (!store.isFinished(stage.key)) {
          progress.begins(stage)
          await runStage(stage, context)
          progress.ends(stage)
        }
      } catch (error) {
        failed.set(stage.key, await recordFailure(context, stage, error))
      } finally {
        await release()
      }
      pending.delete(stage.key)
      advanced = true
      await dropWeights(context, options, pending)
    }
    if (!advanced) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  const nameOf = (key: string) => context.stages.get(key)!.name
  return {
    failures: new Map([...failed].map(([key, error]) => [nameOf(key), error])),
    blocked: [...blocked].map(nameOf),
  }
}

/** A finished stage whose weights were not kept counts as not finished where another stage reads them. */
async function forgetWithoutWeights({ store, stages }: StageContext, wanted: readonly Stage[]): Promise<void> {
  for (const stage of wanted.toReversed()) {
    if (store.isFinished(stage.key)) continue
    for (const key of weightsNeeded(stage)) {
      if (stages.has(key) && store.isFinished(key) && !store.hasWeights(key)) await store.forget(key)
    }
  }
}

async function dropWeights(
  { store, stages }: StageContext,
  { dropWeights: drop, wanted }: ExecuteOptions,
  pending: ReadonlyMap<string, Stage>,
): Promise<void> {
  const needed = new Set([...pending.values()].flatMap(weightsNeeded))
  for (const { key } of wanted) {
    if (!pending.has(key) && !needed.has(key) && drop(stages.get(key)!)) await store.dropWeights(key)
  }
}

async function recordFailure({ store, onEvent }: StageContext, stage: Stage, error: unknown): Promise<string> {
  if (isOutOfSpace(error) || error instanceof DiskFull) throw error
  const { message } = error as Error
  // what is not ours is a defect, whose stack helps whoever repairs it
  const text = isLextierError(error) ? `${error.code}: ${message}` : String((error as Error).stack ?? error)
  await store.fail(stage.key, { name: stage.name, error: text, at: new Date().toISOString() })
  onEvent({ type: 'warning', message: `${stage.name} failed, the rest goes on without it. ${text}` })
  return text
}

/** Says which stage of how many begins, and how long the rest may take by what the finished ones took. */
function progressOf({ store, onEvent }: StageContext, wanted: readonly Stage[]) {
  const total = wanted.length
  let done = wanted.filter(({ key }) => store.isFinished(key)).length
  let costLeft = wanted.filter(({ key }) => !store.isFinished(key)).reduce((sum, { cost }) => sum + cost, 0)
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
    ends({ cost }: Stage) {
      done++
      costDone += cost
      costLeft -= cost
      secondsDone += (performance.now() - began) / 1000
    },
  }
}
