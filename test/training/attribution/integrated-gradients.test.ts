import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs'
import { attributeSequences } from '../../../training/attribution/attribute-sequences.js'
import { baselineIds } from '../../../training/attribution/integrated-gradients.js'
import { loadCheckpoint } from '../../../training/checkpoint/load-checkpoint.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { CHECKPOINTS, maxDifference } from '../nn/golden.js'

interface Golden {
  inputIds: number[][]
  targets: number[]
  'tiny-bert': Record<string, { attributions: number[][]; delta: number[] }>
  'tiny-distilbert': Record<string, { attributions: number[][]; delta: number[] }>
}

const golden: Golden = JSON.parse(
  await readFile(new URL('../../fixtures/attribution/golden.json', import.meta.url), 'utf8'),
)
const sequences = golden.inputIds.map((ids) => ids.filter((id) => id !== 0))

for (const device of ['cpu', 'tfjs:cpu'] as const) {
  for (const name of ['tiny-bert', 'tiny-distilbert'] as const) {
    test(`attributions and delta of ${name} on ${device} equal Captum's, texts padded in one batch`, async () => {
      const engine = await createEngine(device, { threads: 1 })
      const model = await loadCheckpoint(`${CHECKPOINTS}${name}`, { seed: 1 })
      // tfjs' own CPU backend is slow: five steps there
      for (const steps of device === 'cpu' ? [50, 5] : [5]) {
        const expected = golden[name][steps]!
        const found = await attributeSequences(engine, model, sequences, golden.targets, { steps })
        for (const [i, { tokens, delta }] of found.entries()) {
          const reference = expected.attributions[i]!.slice(0, sequences[i]!.length)
          assert.ok(maxDifference(tokens, reference) < 1e-5, `${[...tokens]} is not ${reference}`)
          assert.ok(Math.abs(delta - expected.delta[i]!) < 1e-5, `${delta} is not ${expected.delta[i]}`)
        }
      }
    })
  }
}

test('how the path is cut into runs, and what shares a batch, changes nothing', async () => {
  const engine = await createEngine('cpu', { threads: 1 })
  const model = await loadCheckpoint(`${CHECKPOINTS}tiny-bert`, { seed: 1 })
  const whole = await attributeSequences(engine, model, sequences, golden.targets)
  const cut = await attributeSequences(engine, model, sequences, golden.targets, { tokensPerRun: 40, bucketWidth: 1 })
  for (const [i, { tokens, score }] of cut.entries()) {
    assert.ok(maxDifference(tokens, whole[i]!.tokens) < 1e-5)
    assert.ok(Math.abs(score - whole[i]!.score) < 1e-5)
  }
})

test('the baseline keeps the ends of the text and puts [PAD] between them, and in place of padding', () => {
  const ids = tf.tensor2d([2, 5, 3, 6, 3, 2, 7, 3, 9, 9, 2, 3, 0, 0, 0], [3, 5], 'int32')
  const mask = tf.tensor2d([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0], [3, 5], 'int32')
  // the second row's padding holds ids that the mask hides: they stay, as no one sees them
  assert.deepEqual(baselineIds(ids, mask, 4).arraySync(), [
    [2, 4, 4, 4, 3],
    [2, 4, 3, 9, 9],
    [2, 3, 0, 0, 0],
  ])
})

test('a label that the model does not have, and a text longer than it takes, are refused', async () => {
  const engine = await createEngine('cpu', { threads: 1 })
  const model = await loadCheckpoint(`${CHECKPOINTS}tiny-bert`, { seed: 1 })
  const refused = (texts: number[][], targets: number[]) => attributeSequences(engine, model, texts, targets)
  await assert.rejects(refused([[2, 5, 3]], [3]), { code: 'SHAPE_MISMATCH', message: /label 3/ })
  await assert.rejects(refused([[2, 5, 3]], []), { code: 'SHAPE_MISMATCH' })
  await assert.rejects(refused([new Array(17).fill(5)], [0]), { code: 'SHAPE_MISMATCH', message: /takes 16/ })
})
