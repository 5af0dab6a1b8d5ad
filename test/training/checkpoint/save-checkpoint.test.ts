import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { encoderConfig } from '../../../src/family/architectures.js'
import type { EncoderConfig } from '../../../src/family/encoder-config.js'
import { loadCheckpoint } from '../../../training/checkpoint/load-checkpoint.js'
import { openSafetensors } from '../../../training/checkpoint/safetensors.js'
import { saveCheckpoint } from '../../../training/checkpoint/save-checkpoint.js'
import { initialParameters } from '../../../training/nn/initialise.js'
import { createRandom } from '../../../training/random.js'
import { CHECKPOINTS } from '../nn/golden.js'
import { temporaryFolder } from './folders.js'

const { tokenizerJson } = await loadCheckpoint(join(CHECKPOINTS, 'tiny-bert'), { seed: 1 })
const sizes = { layers: 2, hiddenSize: 8, heads: 2, intermediateSize: 12 }
const variants: Partial<EncoderConfig>[] = [
  {},
  { pooling: 'mean', pooler: 'none', activation: 'gelu_new', layerNormEpsilon: 1e-5 },
  { typeVocabSize: 0, pooler: 'relu', activation: 'relu' },
  { typeVocabSize: 0, pooling: 'mean', pooler: 'none' },
]
for (const variant of variants) {
  test(`what is saved is loaded again: ${JSON.stringify(variant)}`, async (t) => {
    const folder = join(await temporaryFolder(t), 'saved')
    const config = encoderConfig(sizes, { vocabSize: 40, maxPositions: 16, labels: 3, ...variant })
    const parameters = initialParameters(config, createRandom(5))
    const labelNames = ['b', 'a', 'c']
    await saveCheckpoint(folder, { config, parameters, tokenizerJson, labelNames })
    const loaded = await loadCheckpoint(folder, { seed: 9 })
    assert.deepEqual(loaded.config, config)
    assert.deepEqual(loaded.parameters, parameters)
    assert.deepEqual(loaded.labelNames, labelNames)
    assert.equal(loaded.tokenizerJson, tokenizerJson)
    assert.deepEqual([loaded.missing, loaded.unexpected], [[], []])
    assert.ok((await readdir(folder)).every((file) => !file.endsWith('.part')))
  })
}

for (const name of ['tiny-bert', 'tiny-distilbert']) {
  test(`${name}, which transformers wrote, is written back with the same names and numbers`, async (t) => {
    const folder = await temporaryFolder(t)
    await saveCheckpoint(folder, await loadCheckpoint(join(CHECKPOINTS, name), { seed: 1 }))
    const [written, original] = await Promise.all(
      [folder, join(CHECKPOINTS, name)].map((path) => openSafetensors(join(path, 'model.safetensors'))),
    )
    assert.deepEqual([...written!.entries.keys()].toSorted(), [...original!.entries.keys()].toSorted())
    for (const tensor of original!.entries.keys()) {
      assert.deepEqual(await written!.read(tensor), await original!.read(tensor), tensor)
    }
    assert.equal(written!.metadata.format, 'pt')
    await Promise.all([written!.close(), original!.close()])
    const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))
    const reference = JSON.parse(await readFile(join(CHECKPOINTS, name, 'config.json'), 'utf8'))
    for (const [key, value] of Object.entries(config)) {
      if (key !== 'lextier') assert.deepEqual(value, reference[key] ?? value, key)
    }
  })
}

test('a model with a missing or misshapen parameter is not written', async (t) => {
  const folder = await temporaryFolder(t)
  const config = encoderConfig(sizes, { vocabSize: 40, maxPositions: 16 })
  const { 'classifier.bias': _, ...parameters } = initialParameters(config, createRandom(1))
  await assert.rejects(saveCheckpoint(folder, { config, parameters, tokenizerJson }), {
    code: 'SHAPE_MISMATCH',
    message: /parameter "classifier\.bias" should be \[2\] and is missing/,
  })
  assert.deepEqual(await readdir(folder), [])
})
