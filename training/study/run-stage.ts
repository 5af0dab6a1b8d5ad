import { needsTeacherInside } from '../recipes/losses-config.js'
import { runAttribution } from './run-attribution.js'
import { runOnCorpus } from './run-corpus.js'
import { runFit, runOutputs } from './run-fit.js'
import { runLatency } from './run-latency.js'
import type { StageContext } from './stage-context.js'
import type { StageResult } from './stage-store.js'
import type { Stage, Start } from './stages.js'

/** Runs a stage whose dependencies are finished, or goes on with one that was killed, and marks it as finished. */
export async function runStage(stage: Stage, context: StageContext): Promise<void> {
  const facts = await factsOf(stage, context)
  const result: StageResult = {
    kind: stage.kind,
    name: stage.name,
    finishedAt: new Date().toISOString(),
    device: context.engine.description,
    ...facts,
  }
  await context.store.finish(stage.key, result)
}

function factsOf(stage: Stage, context: StageContext): Promise<{ seconds: number }> {
  switch (stage.kind) {
    case 'fit':
      return runFit(stage, context)
    case 'outputs':
      return runOutputs(stage, context)
    case 'pretrain':
    case 'general':
      return runOnCorpus(stage, context)
    case 'latency':
      return runLatency(stage)
    case 'attribution':
      return runAttribution(stage, context)
  }
}

/** @returns keys of the stages whose weights a stage reads, not only their answers */
export function weightsNeeded(stage: Stage): string[] {
  switch (stage.kind) {
    case 'fit': {
      const inside = needsTeacherInside(stage.losses) ? stage.teachers.slice(0, 1) : []
      return [...startStages(stage.start), ...inside.map((teacher) => teacher.stage)]
    }
    case 'outputs':
    case 'attribution':
      return [stage.of]
    case 'pretrain':
      return startStages(stage.start)
    case 'general':
      return startStages(stage.teacher.start)
    case 'latency':
      return []
  }
}

function startStages(start: Start): string[] {
  if (start.kind === 'stage') return [start.stage]
  return start.kind === 'layers' ? startStages(start.of) : []
}
