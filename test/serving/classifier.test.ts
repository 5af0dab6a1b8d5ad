import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openTier } from '../../src/onnx/tier-session.js'
import type { ClassifyResult } from '../../src/serving/types.js'
import { loadTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { withSpecialTokens } from '../../src/tokenizer/windows.js'
import { type Running, scratchFolder, serveTinyFamily } from '../support/running-classifier.js'
import { writeTinyFamily } from '../support/tiny-family.js'

const folder = scratchFolder()
const answered: ClassifyResult[] = []
const rejected: string[] = []
let running: Running

before(async () => {
  running = await serveTinyFamily(folder.dir, {
    maxRequestTokens: 110_000,
    observer: {
      answered: (result) => void answered.push(result),
      rejected: (reason) => void rejected.push(reason),
      batch: () => {},
      queueDepth: () => {},
      engineRestarted: () => {},
      familyReady: () => {},
    },
  })
  assert.equal(running.classifier.readiness().ready, false)
  await assert.rejects(running.classify(), { code: 'NOT_READY' })
  await running.ready()
})

after(async () => {
  await running.classifier.drain()
  folder.remove()
})

test('an answer is the calibrated softmax of the model that it names', async () => {
  const text = 'The petitioner was convicted.'
  const result = await running.classify({ texts: [text], tier: 'balanced' })
  const family = await writeTinyFamily(scratchFolder().dir)
  const tokenizer = loadTokenizer(family.paths.tokenizer)
  const session = await openTier(family, 'balanced', { provider: 'cpu' })
  const inputIds = withSpecialTokens((await tokenizer.encode(text)).ids, tokenizer)
  const [logits] = await session.run([{ inputIds }])
  await session.release()
  const exponentials = Array.from(logits!, (logit) => Math.exp(logit / 1.5))
  const sum = exponentials.reduce((total, value) => total + value, 0)
  const [prediction] = result.predictions
  assert.equal(result.tier, 'balanced')
  assert.equal(result.provider, 'cpu')
  assert.deepEqual(Object.keys(prediction!.probabilities), ['loses', 'wins'])
  Object.values(prediction!.probabilities).forEach((probability, label) => {
    assert.ok(Math.abs(probability - exponentials[label]! / sum) < 1e-5)
  })
  assert.equal(prediction!.probability, Math.max(...Object.values(prediction!.probabilities)))
  assert.equal(prediction!.tokens, inputIds.length - 2)
})

test('the answer for a text does not depend on what it is batched with', async () => {
  const texts = ['the court', 'the petitioner was convicted of a felony and appealed', 'a', 'the court convicted']
  const together = await running.classify({ texts, tier: 'teacher' })
  for (const [index, text] of texts.entries()) {
    const alone = await running.classify({ texts: [text], tier: 'teacher' })
    const difference = alone.predictions[0]!.probability - together.predictions[index]!.probability
    assert.ok(Math.abs(difference) < 1e-5)
  }
})

test('a generous budget gets the teacher, a tight one a quicker tier, an impossible one the fastest, or a refusal', async () => {
  const generous = await running.classify({ budgetMs: 60_000 })
  assert.equal(generous.tier, 'teacher')
  assert.equal(generous.routing.reason, 'most_accurate_within_budget')
  assert.equal(generous.routing.budgetMet, true)
  const impossible = await running.classify({ budgetMs: 0.001 })
  // where the tier predicted to be fastest is not the cheapest, that one may have answered in its place
  assert.match(impossible.routing.reason, /^(budget_infeasible_fastest|fell_back)$/)
  assert.equal(impossible.routing.budgetMet, false)
  assert.equal(new Set(impossible.routing.considered.map(({ tier }) => tier)).size, 3)
  await assert.rejects(running.classify({ budgetMs: 0.001, onBudgetMiss: 'reject' }), { code: 'BUDGET_INFEASIBLE' })
  const named = await running.classify({ budgetMs: 0.001, tier: 'teacher' })
  assert.equal(named.tier, 'teacher')
  assert.equal(named.routing.reason, 'requested')
})

test('without tier and budget the teacher answers and no budget is reported', async () => {
  const { routing, tier } = await running.classify()
  assert.equal(tier, 'teacher')
  assert.equal(routing.reason, 'no_budget')
  assert.ok(!('budgetMs' in routing) && !('budgetMet' in routing))
})

test('a long text is read in windows, or cut where the caller says so, and either is disclosed', async () => {
  const texts = ['the court convicted '.repeat(100)]
  const windows = (await running.classify({ texts })).predictions[0]!
  assert.ok(windows.tokens > 62 && windows.windows > 1)
  assert.equal(windows.tokensUsed, windows.tokens)
  assert.equal(windows.truncated, false)
  const cut = (await running.classify({ texts, longText: 'truncate' })).predictions[0]!
  assert.deepEqual([cut.tokens, cut.tokensUsed, cut.windows, cut.truncated], [windows.tokens, 62, 1, true])
})

test('a text of 100,000 tokens is answered, and short requests are answered meanwhile', async () => {
  let longDone = false
  const long = running.classify({ texts: ['the court '.repeat(50_000)], tier: 'teacher' }).finally(() => {
    longDone = true
  })
  let answeredMeanwhile = 0
  while (!longDone) {
    await running.classify()
    if (!longDone) answeredMeanwhile++
  }
  assert.ok(answeredMeanwhile >= 3, `${answeredMeanwhile} short requests were answered meanwhile`)
  const [prediction] = (await long).predictions
  assert.ok(prediction!.tokens >= 100_000)
  assert.equal(prediction!.truncated, false)
})

test('a text of more tokens than one request may have is refused with a way out', async () => {
  const texts = ['the court '.repeat(60_000)]
  await assert.rejects(running.classify({ texts }), { code: 'PAYLOAD_TOO_LARGE', message: /truncate/ })
  assert.equal((await running.classify({ texts, longText: 'truncate' })).predictions[0]!.truncated, true)
})

test('answers less sure than asked are marked as abstained', async () => {
  const abstained = async (abstainBelow: number) => (await running.classify({ abstainBelow })).predictions[0]!.abstained
  assert.equal(await abstained(0.5), false)
  assert.equal(await abstained(1), true)
})

test('odd texts are answered: empty of tokens, lone surrogates, control characters', async () => {
  const { predictions } = await running.classify({ texts: ['\u200b', '\ud800', '\u0000', '字'] })
  assert.equal(predictions.length, 4)
  for (const { probability } of predictions) assert.ok(probability >= 0.5 && probability <= 1)
})

test('an unknown family or tier is named, with those that there are', async () => {
  await assert.rejects(running.classify({ family: 'none' }), { code: 'FAMILY_NOT_FOUND', message: /none.*tiny/ })
  await assert.rejects(running.classify({ tier: 'slow' as 'fast' }), { code: 'TIER_NOT_FOUND', message: /teacher/ })
})

test('the observer sees every answer, and the code of every refusal', async () => {
  answered.length = 0
  rejected.length = 0
  const result = await running.classify()
  await assert.rejects(running.classify({ family: 'none' }))
  assert.deepEqual(answered, [result])
  assert.deepEqual(rejected, ['FAMILY_NOT_FOUND'])
})

test('families report their version, providers and a latency profile that grows with tokens', () => {
  const [family] = running.classifier.families()
  assert.match(family!.version, /^sha256:/)
  assert.deepEqual([family!.ready, family!.reasons], [true, []])
  for (const { provider, ready, latencyProfile } of family!.tiers) {
    assert.deepEqual([provider, ready], ['cpu', true])
    assert.deepEqual(
      latencyProfile.map(({ tokens }) => tokens),
      [16, 32, 64],
    )
  }
})

test('stages and latencies are consistent', async () => {
  const { stages, routing } = await running.classify({ budgetMs: 1_000 })
  const staged = stages.tokenizeMs + stages.queueMs + stages.inferenceMs
  assert.ok(staged <= routing.actualMs + 1)
  assert.ok(Object.values(stages).every((ms) => ms >= 0))
  assert.ok(routing.predictedMs > 0)
})
