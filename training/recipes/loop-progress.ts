/** How far a training loop has come, and the checkpoint that says so beside the state. */
import { LossNotFinite } from '../../src/errors.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { readSnapshot, type StageFiles, writeSnapshot } from './run-folder.js'

export type EpochOf<Figures> = Figures & {
  readonly epoch: number
  readonly trainLoss: number
  readonly seconds: number
}

/** What a checkpoint says beside its tensors. */
export interface Progress<Figures> {
  /** epochs finished */
  readonly epoch: number
  /** batches of the current epoch that were run */
  readonly batch: number
  /** summed loss of those batches */
  readonly lossSum: number
  /** of those batches, how many changed nothing because their gradients overflowed; absent in older checkpoints */
  readonly skipped?: number
  readonly history: readonly EpochOf<Figures>[]
  readonly bestEpoch: number
  /** the lowest validation so far; null (JSON knows no infinity) before the first */
  readonly bestNll: number | null
  readonly secondsTraining: number
  readonly sequences: number
}

export const START: Progress<never> = {
  epoch: 0,
  batch: 0,
  lossSum: 0,
  skipped: 0,
  history: [],
  bestEpoch: 0,
  bestNll: null,
  secondsTraining: 0,
  sequences: 0,
}

/**
 * @param step that the state comes after, counted from 1
 * @throws LossNotFinite instead of writing over a good checkpoint with numbers that are none
 */
export async function writeCheckpoint(
  files: StageFiles,
  tensors: HostTensors,
  facts: Progress<unknown>,
  step: number,
): Promise<void> {
  if (!allFinite(tensors)) throw new LossNotFinite(step, await keptCheckpoint(files))
  await writeSnapshot(files.last, { tensors, facts })
}

/** @returns what a message says of the checkpoint that a broken run leaves */
export async function keptCheckpoint(files: StageFiles): Promise<string> {
  const kept = await readSnapshot<Progress<unknown>>(files.last)
  return kept ? `the checkpoint ${placeOf(kept.facts)} is kept` : 'there was no checkpoint yet'
}

export function placeOf({ epoch, batch }: Progress<unknown>): string {
  return `after epoch ${epoch}, batch ${batch}`
}

/** A number times 0 is 0, and anything else is NaN: one sum a tensor, since a state has hundreds of millions of them. */
function allFinite(tensors: HostTensors): boolean {
  return Object.values(tensors).every(({ values }) => {
    let sum = 0
    for (let i = 0; i < values.length; i++) sum += values[i]! * 0
    return sum === 0
  })
}
