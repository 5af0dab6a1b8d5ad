import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CompletionModel } from '../../src/serving/completion-model.js'
import { LatencyModel, PROMISED_QUANTILE } from '../../src/serving/latency-model.js'
import { latencySurface } from '../../src/serving/latency-surface.js'
import { QuantileWindow } from '../../src/serving/quantile-window.js'
import { tokenBuckets, warmUp } from '../../src/serving/warm-up.js'
import { createRandom } from '../../training/random.js'

const profile = [16, 64, 256].flatMap((tokens) =>
  [1, 4].map((rows) => ({ tokens, rows, ms: 2 + tokens * rows * 0.01 })),
)

test('the surface gives back what was timed and interpolates between', () => {
  const surface = latencySurface(profile)
  for (const { tokens, rows, ms } of profile) assert.ok(Math.abs(surface(tokens, rows) - ms) < 1e-9)
  assert.ok(Math.abs(surface(40, 1) - 2.4) < 1e-9)
  assert.ok(Math.abs(surface(64, 2) - (2 + 64 * 2 * 0.01)) < 1e-9)
  assert.equal(surface(64, 8), 2 * surface(64, 4))
  assert.equal(surface(512, 1), 2 * surface(256, 1))
})

test('rows timed for short sequences only save of longer ones what they saved of those, not the same share', () => {
  const alone = [16, 64, 256].map((tokens) => ({ tokens, rows: 1, ms: 1 + tokens * 0.1 }))
  const surface = latencySurface([...alone, { tokens: 16, rows: 4, ms: 7.4 }])
  const savedMs = 4 * surface(16, 1) - surface(16, 4)
  assert.ok(Math.abs(4 * surface(256, 1) - surface(256, 4) - savedMs) < 1e-9)
})

test('what several together take is learnt apart from what one alone takes', () => {
  const model = new LatencyModel(profile)
  const aloneMs = model.typical(128, 1)
  for (let batch = 0; batch < 100; batch++) model.observe(64, 2, 5 * latencySurface(profile)(64, 2))
  for (let batch = 0; batch < 100; batch++) model.observe(128, 1, latencySurface(profile)(128, 1))
  assert.ok(Math.abs(model.typical(64, 2) / latencySurface(profile)(64, 2) - 5) < 0.1)
  assert.ok(Math.abs(model.typical(128, 1) / aloneMs - 1) < 0.2)
})

test('what several together took is forgotten when none came for long, so that they are tried again', () => {
  const model = new LatencyModel(profile)
  const surface = latencySurface(profile)
  for (let batch = 0; batch < 100; batch++) model.observe(64, 2, 5 * surface(64, 2))
  for (let batch = 0; batch < 900; batch++) model.observe(64, 1, surface(64, 1))
  assert.ok(model.typical(64, 2) > 4 * surface(64, 2))
  for (let batch = 0; batch < 200; batch++) model.observe(64, 1, surface(64, 1))
  assert.ok(model.typical(64, 2) < 1.2 * surface(64, 2))
})

test('time never falls as a batch grows in tokens or rows, however noisy the profile', () => {
  const samples = fc.array(
    fc.record({
      tokens: fc.constantFrom(16, 32, 64, 128),
      rows: fc.constantFrom(1, 4, 16),
      ms: fc.double({ min: 0.01, max: 100, noNaN: true }),
    }),
    { maxLength: 15 },
  )
  fc.assert(
    fc.property(samples, fc.nat(300), fc.nat(300), fc.nat(40), fc.nat(40), (noisy, t1, t2, r1, r2) => {
      const surface = latencySurface([{ tokens: 16, rows: 1, ms: 1 }, ...noisy])
      const [tokens, moreTokens] = [1 + Math.min(t1, t2), 1 + Math.max(t1, t2)]
      const [rows, moreRows] = [1 + Math.min(r1, r2), 1 + Math.max(r1, r2)]
      assert.ok(surface(moreTokens, rows) >= surface(tokens, rows) * (1 - 1e-12))
      assert.ok(surface(tokens, moreRows) >= surface(tokens, rows) * (1 - 1e-12))
    }),
  )
})

test('a quantile window forgets its seeds first and then its oldest observations', () => {
  const window = new QuantileWindow(4, [100, 100])
  assert.equal(window.quantile(0.5), 100)
  window.observe(1)
  window.observe(2)
  assert.equal(window.quantile(1), 2)
  for (const value of [3, 4, 5]) window.observe(value)
  assert.deepEqual([window.quantile(0), window.quantile(1)], [2, 5])
})

test('a window holds its latest observations, and the seeds that they have not replaced', () => {
  const value = fc.double({ noNaN: true, noDefaultInfinity: true })
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 20 }),
      fc.array(value, { maxLength: 3 }),
      fc.array(value, { maxLength: 60 }),
      (capacity, seeds, observations) => {
        const window = new QuantileWindow(capacity, seeds)
        for (const observation of observations) window.observe(observation)
        const held = [...seeds.slice(observations.length), ...observations.slice(-capacity)].sort((a, b) => a - b)
        for (let rank = 1; rank <= held.length; rank++) {
          assert.equal(window.quantile(rank / (held.length + 1) - 1e-9), held[rank - 1])
        }
      },
    ),
  )
})

test('a quantile is the order statistic of rank ceil((n + 1) q)', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 100 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, q) => {
        const window = new QuantileWindow(100, [])
        for (const value of values) window.observe(value)
        const rank = Math.min(values.length, Math.max(1, Math.ceil((values.length + 1) * q)))
        assert.equal(window.quantile(q), values.toSorted((a, b) => a - b)[rank - 1])
      },
    ),
  )
})

test('predictions hold for 95% of batches, also after the machine becomes twice as slow', () => {
  const random = createRandom(7)
  const model = new LatencyModel(profile)
  const surface = latencySurface(profile)
  const share = (slowness: number, batches: number) => {
    let within = 0
    for (let batch = 0; batch < batches; batch++) {
      const tokens = 16 + Math.floor(random.next() * 240)
      const actual = surface(tokens, 1) * slowness * Math.exp(0.2 * random.normal())
      if (actual <= model.predict(tokens, 1)) within++
      model.observe(tokens, 1, actual)
    }
    return within / batches
  }
  share(1, 500)
  assert.ok(Math.abs(share(1, 2_000) - PROMISED_QUANTILE) < 0.02)
  share(2, 1_500)
  assert.ok(Math.abs(share(2, 2_000) - PROMISED_QUANTILE) < 0.02)
})

test('the best and the typical time lie below the promised one', () => {
  const model = new LatencyModel(profile)
  assert.ok(model.atBest(64, 1) < model.typical(64, 1))
  assert.ok(model.typical(64, 1) < model.predict(64, 1))
})

test('completion promises are kept by 95% of requests, whether they wait or not', () => {
  const random = createRandom(3)
  const model = new CompletionModel()
  const ask = (waitMs: number) => {
    const estimate = { waitMs, inferenceMs: 10 }
    const predictedMs = model.predict(estimate)
    const actualMs = (waitMs + 10) * Math.exp((waitMs > 0 ? 0.6 : 0.05) * random.normal())
    model.observe(estimate, predictedMs, actualMs)
    return actualMs <= predictedMs
  }
  for (const waitMs of [0, 20]) {
    for (let request = 0; request < 600; request++) ask(waitMs)
    const kept = Array.from({ length: 2_000 }, () => ask(waitMs)).filter(Boolean).length
    assert.ok(Math.abs(kept / 2_000 - PROMISED_QUANTILE) < 0.02, `${kept / 2_000} with a wait of ${waitMs} ms`)
  }
  assert.ok(model.attainment! > 0.9)
})

test('token buckets are powers of two up to the longest input', () => {
  assert.deepEqual(tokenBuckets(256), [16, 32, 64, 128, 256])
  assert.deepEqual(tokenBuckets(100), [16, 32, 64, 100])
  assert.deepEqual(tokenBuckets(8), [8])
})

test('warm-up times every length alone, once, even when that takes longer than its budget, and nothing more', async () => {
  let nowMs = 0
  const ran: string[] = []
  const samples = await warmUp(
    async (tokens, rows) => {
      ran.push(`${tokens}x${rows}`)
      nowMs += tokens * rows
    },
    { maxTokens: 64, maxBatchTokens: 1_024, budgetMs: 4, now: () => nowMs },
  )
  // 64 is more than ten times the budget: its first run has to do
  assert.deepEqual(ran, ['16x1', '16x1', '32x1', '32x1', '64x1'])
  assert.deepEqual(
    samples.map(({ ms }) => ms),
    [16, 32, 64],
  )
})

test('warm-up times larger batches while its budget lasts and none above the batch limit', async () => {
  let nowMs = 0
  const samples = await warmUp(
    async (tokens, rows) => {
      nowMs += tokens * rows
    },
    { maxTokens: 64, maxBatchTokens: 256, budgetMs: 1e9, now: () => nowMs },
  )
  assert.deepEqual(
    samples.filter(({ rows }) => rows > 1).map(({ tokens, rows }) => `${tokens}x${rows}`),
    ['16x4', '32x4', '64x4', '16x16'],
  )
})

test('warm-up that rests does so after each run for twice as long, at most a second, and runs what it would without', async () => {
  const runs = async (rest?: (ms: number) => Promise<void>) => {
    let nowMs = 0
    const ran: number[] = []
    const samples = await warmUp(
      async (tokens, rows) => {
        ran.push(tokens * rows)
        nowMs += tokens * rows
      },
      {
        ...{ maxTokens: 64, maxBatchTokens: 1_024, budgetMs: 8_000, now: () => nowMs },
        ...(rest && {
          rest: async (ms: number) => {
            nowMs += ms
            await rest(ms)
          },
        }),
      },
    )
    return { ran, samples }
  }
  const rests: number[] = []
  const gentle = await runs(async (ms) => void rests.push(ms))
  assert.deepEqual(gentle, await runs())
  assert.deepEqual(
    rests,
    gentle.ran.map((ms) => Math.min(2 * ms, 1_000)),
  )
  assert.ok(rests.includes(1_000))
})
