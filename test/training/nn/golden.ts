/** The golden checkpoints under test/fixtures/checkpoints; their origin is make.py beside them. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs'
import type { HostTensor, HostTensors } from '../../../src/family/tensor.js'
import { loadCheckpoint } from '../../../training/checkpoint/load-checkpoint.js'
import { openSafetensors } from '../../../training/checkpoint/safetensors.js'
import type { Tensors } from '../../../training/engine/types.js'

export const CHECKPOINTS = fileURLToPath(new URL('../../fixtures/checkpoints/', import.meta.url))

export async function loadGolden(name: 'tiny-bert' | 'tiny-distilbert') {
  const folder = `${CHECKPOINTS}${name}`
  const checkpoint = await loadCheckpoint(folder, { seed: 1 })
  const inputs = JSON.parse(await readFile(`${folder}/golden.json`, 'utf8'))
  const file = await openSafetensors(`${folder}/golden.safetensors`)
  const expected: Record<string, HostTensor> = {}
  for (const entry of file.entries.keys()) expected[entry] = await file.read(entry)
  await file.close()
  const batch = {
    inputIds: tf.tensor2d(inputs.inputIds, undefined, 'int32'),
    attentionMask: tf.tensor2d(inputs.attentionMask, undefined, 'int32'),
  }
  return { checkpoint, batch, labels: inputs.labels as number[], expected, inputs }
}

export function toTensors(tensors: HostTensors): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, values }]) => [
      name,
      tf.tensor(values, [...shape], values instanceof Int32Array ? 'int32' : 'float32'),
    ]),
  )
}

/** @returns the largest absolute difference; NaN where a value is not a number */
export function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.NaN
  let largest = 0
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!)
    if (!(difference <= largest)) largest = difference
  }
  return largest
}
