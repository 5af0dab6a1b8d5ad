import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Family } from '../../src/family/load-family.js'
import { padSequences } from '../../src/onnx/encoder-feeds.js'
import { openEncoder } from '../../src/onnx/encoder-session.js'
import { enforceParity, measureParity } from '../../src/onnx/parity.js'
import { listProviders, wayOut } from '../../src/onnx/providers.js'
import { openTier } from '../../src/onnx/tier-session.js'
import { writeTinyFamily } from '../support/tiny-family.js'

let folder: string
let family: Family
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'session-'))
  family = await writeTinyFamily(join(folder, 'tiny'))
})
after(() => rm(folder, { recursive: true, force: true }))

test('padding fills up to the longest sequence and is masked', () => {
  const padded = padSequences([{ inputIds: [5, 6, 7] }, { inputIds: Int32Array.of(8) }], {
    maxPositions: 3,
    padTokenId: 9,
  })
  assert.deepEqual(padded, {
    tokens: 3,
    inputIds: BigInt64Array.of(5n, 6n, 7n, 8n, 9n, 9n),
    attentionMask: BigInt64Array.of(1n, 1n, 1n, 1n, 0n, 0n),
  })
})

test('a sequence that is empty or too long is refused before it runs', () => {
  const limits = { maxPositions: 2, padTokenId: 0 }
  assert.throws(() => padSequences([{ inputIds: [1] }, { inputIds: [] }], limits), { code: 'SHAPE_MISMATCH' })
  assert.throws(() => padSequences([{ inputIds: [1, 2, 3] }], limits), {
    code: 'SHAPE_MISMATCH',
    message: /3 tokens.*2/,
  })
})

test('a text gets the same logits alone and in a batch with longer ones', async () => {
  const session = await openTier(family, 'teacher', { provider: 'cpu', threads: 1 })
  const short = { inputIds: [2, 30, 3] }
  const long = { inputIds: [2, ...Array.from({ length: 60 }, (_, i) => 10 + i), 3] }
  const [alone] = await session.run([short])
  const batch = await session.run([long, short])
  assert.equal(session.tier, 'teacher')
  assert.equal(session.provider, 'cpu')
  assert.deepEqual(await session.run([]), [])
  alone!.forEach((value, label) => {
    assert.ok(Math.abs(batch[1]![label]! - value) < 1e-5)
  })
  await session.release()
})

test('a session that gives the memory of its runs back answers the same, batch after batch of other shapes', async () => {
  const batches = [1, 7, 3, 12].map((rows) =>
    Array.from({ length: rows }, (_, row) => ({
      inputIds: [2, ...Array.from({ length: 4 * rows + row }, () => 20), 3],
    })),
  )
  const answers = []
  for (const keepMemory of [true, false]) {
    const session = await openTier(family, 'teacher', { provider: 'cpu', threads: 1, keepMemory })
    const logits = []
    for (const batch of batches) logits.push(await session.run(batch))
    await session.release()
    answers.push(logits)
  }
  assert.deepEqual(answers[0], answers[1])
})

test('a tier that the family does not have is named with those that it has', async () => {
  const one = await writeTinyFamily(join(folder, 'one'), { name: 'one', tiers: ['fast'] })
  await assert.rejects(openTier(one, 'teacher', { provider: 'cpu' }), {
    code: 'TIER_NOT_FOUND',
    message: /"one".*fast/,
  })
})

test('every provider either runs, or is refused by name with a way out; none falls back in silence', async () => {
  const statuses = await listProviders()
  assert.deepEqual(
    statuses.map(({ provider }) => provider),
    ['cpu', 'cuda', 'webgpu'],
  )
  assert.ok(statuses[0]!.available)
  for (const { provider, available, reason } of statuses) {
    assert.equal(available, reason === '')
    if (available) {
      const session = await openTier(family, 'fast', { provider })
      assert.equal(session.provider, provider)
      await session.release()
    } else {
      await assert.rejects(openTier(family, 'fast', { provider }), {
        code: 'PROVIDER_UNAVAILABLE',
        message: new RegExp(`"${provider}".*--provider cpu`),
      })
    }
  }
})

test('a model that does not load is the family’s fault, not the provider’s', async () => {
  const modelFile = join(folder, 'garbage.onnx')
  await writeFile(modelFile, 'garbage')
  const { config } = family.manifest.tiers[0]!
  await assert.rejects(openEncoder(modelFile, config, { provider: 'cpu' }), {
    code: 'FAMILY_INVALID',
    message: /garbage\.onnx: /,
  })
})

test('a way out is one line, and names no path of the build machine', () => {
  const message = wayOut('webgpu', new Error('/onnxruntime_src/core/webgpu_context.cc:100 No adapter was found\n at x'))
  assert.match(message, /^No adapter was found\. It needs a GPU/)
  const enforced = new Error('/onnxruntime_src/x.cc:100 Context::<lambda()> status == Success was false. No adapter.')
  assert.match(wayOut('webgpu', enforced), /^No adapter\. It needs a GPU/)
  const running = new Error(
    "Non-zero status code returned while running Cast node. Name:'Cast_9/node' Status Message: shader_helper.cc:401 GenerateSourceCode Program Cast requires f16 but the device does not support it.",
  )
  assert.match(wayOut('webgpu', running), /^Program Cast requires f16 but the device does not support it\. It needs/)
})

test('parity passes within the tolerance, and fails above it or on NaN', async () => {
  const session = await openTier(family, 'fast', { provider: 'cpu' })
  const sequences = [{ inputIds: [2, 10, 3] }, { inputIds: [2, 11, 12, 3] }]
  const logits = await session.run(sequences.slice(0, 1)).then(async ([first]) => {
    const [second] = await session.run(sequences.slice(1))
    return [first!, second!]
  })
  const exact = await measureParity(session, { sequences, logits }, 0.01)
  assert.deepEqual(exact, { texts: 2, maxLogitDifference: 0, tolerance: 0.01, labelAgreement: 1 })
  enforceParity(exact, 'fast')
  const shifted = await measureParity(
    session,
    { sequences, logits: [logits[0]!, logits[1]!.map((v) => v + 0.5)] },
    0.01,
  )
  assert.ok(Math.abs(shifted.maxLogitDifference - 0.5) < 1e-6)
  assert.throws(() => enforceParity(shifted, 'fast'), { code: 'PARITY_FAILED', message: /^fast: .*0\.49|0\.5/ })
  const nan = await measureParity(session, { sequences, logits: [logits[0]!, [Number.NaN, 0]] }, 0.01)
  assert.throws(() => enforceParity(nan, 'fast'), { code: 'PARITY_FAILED' })
  await assert.rejects(measureParity(session, { sequences, logits: [] }, 1), { code: 'SHAPE_MISMATCH' })
  await session.release()
})
