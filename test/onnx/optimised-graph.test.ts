import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { InferenceSession } from 'onnxruntime-node'
import { encoderConfig } from '../../src/family/architectures.js'
import { buildPortableModel } from '../../src/onnx/portable-model.js'
import { decodeModel } from '../../src/onnx/protobuf.js'
import { randomParameters } from '../support/random-parameters.js'

const LAYERS = 3
const config = encoderConfig(
  { layers: LAYERS, hiddenSize: 32, heads: 4, intermediateSize: 64 },
  { vocabSize: 40, maxPositions: 16 },
)

for (const precision of ['fp16', 'int8'] as const) {
  test(`ONNX Runtime casts ${precision} weights once, when it loads them, and fuses norms and GELU`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'optimised-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const { model, weights } = buildPortableModel(config, randomParameters(config, 1), precision)
    await writeFile(join(folder, 'model.onnx'), model)
    await writeFile(join(folder, 'weights.bin'), weights)
    const optimizedModelFilePath = join(folder, 'optimised.onnx')
    const session = await InferenceSession.create(join(folder, 'model.onnx'), {
      optimizedModelFilePath,
      logSeverityLevel: 4,
    })
    await session.release()

    const counts = new Map<string, number>()
    for (const { opType } of decodeModel(await readFile(optimizedModelFilePath)).graph?.node ?? []) {
      counts.set(opType, (counts.get(opType) ?? 0) + 1)
    }
    assert.equal(counts.get('Cast'), 1, 'the attention mask’s cast is the only one left')
    assert.equal(counts.get('Mul'), 1, 'the attention mask’s product is the only one left')
    assert.equal(counts.get('SkipLayerNormalization'), 2 * LAYERS)
    assert.equal(counts.get('BiasGelu'), LAYERS)
    assert.equal(counts.get('LayerNormalization'), 1, 'that of the embeddings')
  })
}
