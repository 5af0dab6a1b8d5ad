import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { softmax } from '../../src/family/softmax.js'
import { LabelSet, predictionOf } from '../../src/serving/calibrated-prediction.js'
import { LatencyModel } from '../../src/serving/latency-model.js'
import { type LongTextPolicy, prepareTexts } from '../../src/serving/long-text.js'
import { planProviders } from '../../src/serving/provider-choice.js'
import { requestInferenceMs, sequenceCostMs } from '../../src/serving/request-cost.js'
import { averageLogits } from '../../src/tokenizer/windows.js'

const logits = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 2, maxLength: 12 })
const special = { clsId: 101, sepId: 102 }
const policy: LongTextPolicy = { longText: 'windows', maxTokens: 12, windowOverlap: 4, maxRequestTokens: 100 }
const text = (tokens: number) => Int32Array.from({ length: tokens }, (_, index) => 1_000 + index)

test('calibrated probabilities sum to one, keep the order of the logits and flatten as the temperature rises', () => {
  fc.assert(
    fc.property(logits, fc.double({ min: 0.1, max: 10, noNaN: true }), (values, temperature) => {
      const probabilities = softmax(Float64Array.from(values), temperature)
      assert.ok(Math.abs(probabilities.reduce((sum, value) => sum + value, 0) - 1) < 1e-9)
      const best = values.indexOf(Math.max(...values))
      assert.ok(probabilities.every((probability) => probability <= probabilities[best]!))
      const flatter = softmax(Float64Array.from(values), 2 * temperature)
      assert.ok(flatter[best]! <= probabilities[best]! + 1e-12)
    }),
  )
})

test('logits far apart do not overflow', () => {
  assert.deepEqual([...softmax(Float64Array.of(1e4, -1e4), 1)], [1, 0])
})

test('a prediction names the most likely label and abstains below the bound', () => {
  const [prepared] = prepareTexts([text(30)], special, { ...policy, longText: 'truncate' })
  const prediction = predictionOf(Float64Array.of(0.2, 0.5, 0.3), new LabelSet(['a', 'b', 'c']), prepared!, 0.6)
  assert.deepEqual(prediction, {
    label: 'b',
    probability: 0.5,
    probabilities: { a: 0.2, b: 0.5, c: 0.3 },
    tokens: 30,
    tokensUsed: 10,
    windows: 1,
    truncated: true,
    abstained: true,
  })
})

test('windows are sequences with special tokens, and their weighted mean counts every token once', () => {
  const [prepared] = prepareTexts([text(16)], special, policy)
  assert.deepEqual(
    prepared!.sequences.map((sequence) => [sequence[0], sequence[1], sequence.length, sequence.at(-1)]),
    [
      [101, 1_000, 12, 102],
      [101, 1_006, 12, 102],
    ],
  )
  assert.deepEqual(
    [...averageLogits([Float32Array.of(1, 0), Float32Array.of(0, 1)], prepared!.windows)],
    [0.625, 0.375],
  )
})

test('more tokens than one request may have read in windows are refused, and truncation still takes them', () => {
  const texts = [text(60), text(41)]
  assert.throws(() => prepareTexts(texts, special, policy), { code: 'PAYLOAD_TOO_LARGE', message: /101 tokens.*100/ })
  assert.equal(prepareTexts(texts, special, { ...policy, longText: 'truncate' }).length, 2)
})

test('a request costs what its batches cost, shared out over the engines', () => {
  const model = new LatencyModel([{ tokens: 10, rows: 1, ms: 10 }])
  const bounds = { maxTokens: 40, maxRows: 8 }
  const one = requestInferenceMs([10], model, bounds, 2)
  assert.equal(one, model.typical(10, 1))
  assert.equal(requestInferenceMs([10, 10, 10, 10], model, bounds, 2), model.typical(10, 4))
  assert.equal(requestInferenceMs(Array(8).fill(10), model, bounds, 1), 2 * model.typical(10, 4))
  assert.equal(requestInferenceMs(Array(8).fill(10), model, bounds, 2), model.typical(10, 4))
  assert.equal(requestInferenceMs([50], model, bounds, 2), model.typical(50, 1))
})

test('a sequence costs its share of a batch as full as what waits allows', () => {
  const model = new LatencyModel([
    { tokens: 10, rows: 1, ms: 10 },
    { tokens: 10, rows: 4, ms: 12 },
  ])
  const bounds = { maxTokens: 40, maxRows: 8 }
  assert.equal(sequenceCostMs(10, 1, model, bounds), model.typical(10, 1))
  assert.equal(sequenceCostMs(10, 100, model, bounds), model.typical(10, 4) / 4)
  assert.equal(sequenceCostMs(100, 5, model, bounds), model.typical(100, 1))
})

test('a provider that is asked for stands alone; auto tries what the machine has, the cpu last', () => {
  const providers = (plan: ReturnType<typeof planProviders>) => plan.candidates.map(({ provider }) => provider)
  const none = { nvidia: false, any: false }
  assert.deepEqual(providers(planProviders('webgpu', none)), ['webgpu'])
  assert.deepEqual(providers(planProviders('auto', none)), ['cpu'])
  assert.deepEqual(providers(planProviders('auto', { nvidia: false, any: true })), ['webgpu', 'cpu'])
  assert.deepEqual(providers(planProviders('auto', { nvidia: true, any: true })), ['cuda', 'webgpu', 'cpu'])
  assert.match(planProviders('auto', none).leftOut.join(), /software adapter is slower/)
})
