import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { encoderConfig } from '../../../src/family/architectures.js'
import { linearSchedule } from '../../../training/optim/linear-schedule.js'
import { decayedParameters, layerwiseFactors } from '../../../training/optim/parameter-groups.js'

const shares = fc.double({ min: 0, max: 0.99, noNaN: true })
const lengths = fc.integer({ min: 1, max: 500 })

test('the learning rate rises to its peak, then falls, and is never 0', () => {
  fc.assert(
    fc.property(lengths, shares, (totalSteps, warmupShare) => {
      const rate = linearSchedule({ peak: 2e-5, totalSteps, warmupShare })
      const rates = Array.from({ length: totalSteps }, (_, step) => rate(step))
      const warmup = Math.floor(totalSteps * warmupShare)
      assert.ok(rates.every((value) => value > 0 && value <= 2e-5))
      assert.equal(rates[warmup], 2e-5)
      for (let step = 1; step < totalSteps; step++) {
        assert.ok(step <= warmup ? rates[step]! >= rates[step - 1]! : rates[step]! < rates[step - 1]!)
      }
    }),
  )
})

test('ten steps with a tenth of warm-up have the rates worked out by hand', () => {
  const rate = linearSchedule({ peak: 9, totalSteps: 10 })
  const rates = Array.from({ length: 12 }, (_, step) => rate(step))
  assert.deepEqual(rates, [9, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1, 1])
})

test('a schedule that cannot be is refused by name', () => {
  assert.throws(() => linearSchedule({ peak: 0, totalSteps: 10 }), { code: 'INVALID_CONFIGURATION' })
  assert.throws(() => linearSchedule({ peak: 1, totalSteps: 0 }), /total_steps/)
  assert.throws(() => linearSchedule({ peak: 1, totalSteps: 5, warmupShare: 1 }), /warmup_share/)
})

const config = encoderConfig({ layers: 2, hiddenSize: 8, heads: 2, intermediateSize: 16 })

test('weight decay spares biases and LayerNorms', () => {
  const decays = decayedParameters(config)
  assert.ok(decays('embeddings.word_embeddings.weight') && decays('encoder.layer.0.output.dense.weight'))
  assert.ok(!decays('embeddings.LayerNorm.weight') && !decays('encoder.layer.1.output.LayerNorm.bias'))
  assert.ok(!decays('classifier.bias'))
  assert.ok(decays('projection.0.weight') && !decays('projection.0.bias'))
})

test('layer-wise decay shrinks the rate towards the embeddings', () => {
  const factor = layerwiseFactors(config, 0.5)
  const names = ['classifier.weight', 'encoder.layer.1.output.dense.bias', 'encoder.layer.0.output.dense.bias']
  assert.deepEqual(names.map(factor), [1, 0.5, 0.25])
  assert.equal(factor('embeddings.word_embeddings.weight'), 0.125)
  assert.equal(layerwiseFactors(config, 1)('embeddings.LayerNorm.weight'), 1)
})
