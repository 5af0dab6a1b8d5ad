import assert from 'node:assert/strict'
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { loadCheckpoint } from '../../../training/checkpoint/load-checkpoint.js'
import { encodeSafetensors } from '../../../training/checkpoint/safetensors.js'
import { initialParameters } from '../../../training/nn/initialise.js'
import { createRandom } from '../../../training/random.js'
import { CHECKPOINTS, maxDifference } from '../nn/golden.js'
import { alterJson, alterTensors, copyOf, readTensors, renamed } from './folders.js'

const original = await loadCheckpoint(join(CHECKPOINTS, 'tiny-bert'), { seed: 1 })
const fails = (promise: Promise<unknown>, message: RegExp) =>
  assert.rejects(promise, { code: 'CHECKPOINT_INVALID', message })

test('a complete checkpoint is read whole: sizes, every parameter, kernels turned to [in, out]', async () => {
  assert.deepEqual(original.missing, [])
  assert.deepEqual(original.unexpected, [])
  assert.deepEqual(original.config, {
    vocabSize: 40,
    hiddenSize: 12,
    layers: 2,
    heads: 3,
    intermediateSize: 20,
    maxPositions: 16,
    typeVocabSize: 2,
    layerNormEpsilon: 1e-12,
    padTokenId: 0,
    activation: 'gelu',
    pooling: 'cls',
    pooler: 'tanh',
    labels: 3,
  })
  const stored = await readTensors(join(CHECKPOINTS, 'tiny-bert', 'model.safetensors'))
  const kernel = original.parameters['encoder.layer.0.intermediate.dense.weight']!
  assert.deepEqual(kernel.shape, [12, 20])
  assert.equal(kernel.values[3 * 20 + 7], stored['bert.encoder.layer.0.intermediate.dense.weight']!.values[7 * 12 + 3])
})

test('names without the prefix and TensorFlow’s gamma and beta are understood', async (t) => {
  const folder = await copyOf(t, 'tiny-bert')
  await alterTensors(folder, (tensors) =>
    renamed(tensors, (name) =>
      name
        .replace(/^bert\./, '')
        .replace('LayerNorm.weight', 'LayerNorm.gamma')
        .replace('LayerNorm.bias', 'LayerNorm.beta'),
    ),
  )
  assert.deepEqual((await loadCheckpoint(folder, { seed: 1 })).parameters, original.parameters)
})

test('a DistilBERT checkpoint without its prefix is understood', async (t) => {
  const folder = await copyOf(t, 'tiny-distilbert')
  const expected = (await loadCheckpoint(folder, { seed: 1 })).parameters
  await alterTensors(folder, (tensors) => renamed(tensors, (name) => name.replace(/^distilbert\./, '')))
  assert.deepEqual((await loadCheckpoint(folder, { seed: 1 })).parameters, expected)
})

for (const [name, bits] of [
  ['fp16', 11],
  ['bf16', 8],
] as const) {
  test(`${name} weights are read as the numbers that they stand for`, async (t) => {
    const folder = await copyOf(t, 'tiny-bert')
    await cp(join(CHECKPOINTS, 'tiny-bert', 'half', `${name}.safetensors`), join(folder, 'model.safetensors'))
    const { parameters } = await loadCheckpoint(folder, { seed: 1 })
    for (const [parameter, { values }] of Object.entries(original.parameters)) {
      const relative = values.map((value, index) => (parameters[parameter]!.values[index]! - value) / Math.abs(value))
      assert.ok(maxDifference(relative, new Float32Array(values.length)) <= 2 ** -bits, parameter)
    }
  })
}

test('pre-training heads and position_ids are ignored, other strangers are reported', async (t) => {
  const folder = await copyOf(t, 'tiny-bert')
  const extra = { shape: [2], values: Float32Array.of(1, 2) }
  await alterTensors(folder, (tensors) => ({
    ...tensors,
    'cls.predictions.bias': extra,
    'bert.embeddings.position_ids': extra,
    'adapter.weight': extra,
  }))
  assert.deepEqual((await loadCheckpoint(folder, { seed: 1 })).unexpected, ['adapter.weight'])
})

test('a classifier of another label count starts fresh by seed and is reported', async () => {
  const load = (seed: number) => loadCheckpoint(join(CHECKPOINTS, 'tiny-bert'), { seed, labels: 5 })
  const { parameters, missing, unexpected, config } = await load(7)
  assert.equal(config.labels, 5)
  assert.deepEqual(missing, ['classifier.weight', 'classifier.bias'])
  assert.deepEqual(unexpected.toSorted(), ['classifier.bias', 'classifier.weight'])
  assert.deepEqual(parameters['classifier.weight'], initialParameters(config, createRandom(7))['classifier.weight'])
  assert.deepEqual((await load(7)).parameters, parameters)
  assert.notDeepEqual((await load(8)).parameters['classifier.weight'], parameters['classifier.weight'])
})

test('a checkpoint without pooler and classifier, as masked language models have, starts both fresh', async (t) => {
  const folder = await copyOf(t, 'tiny-bert')
  await alterTensors(folder, (tensors) =>
    Object.fromEntries(Object.entries(tensors).filter(([name]) => !/pooler|classifier/.test(name))),
  )
  const { missing } = await loadCheckpoint(folder, { seed: 1 })
  assert.deepEqual(missing, ['pooler.dense.weight', 'pooler.dense.bias', 'classifier.weight', 'classifier.bias'])
  const pooled = await loadCheckpoint(folder, { seed: 1, pooling: 'mean', pooler: 'none' })
  assert.deepEqual(pooled.missing, ['classifier.weight', 'classifier.bias'])
})

test('label names are those of the config, but not when the head is fresh', async (t) => {
  const folder = await copyOf(t, 'tiny-bert')
  await alterJson(join(folder, 'config.json'), { id2label: { 0: 'loses', 1: 'wins', 2: 'draws' } })
  assert.deepEqual((await loadCheckpoint(folder, { seed: 1 })).labelNames, ['loses', 'wins', 'draws'])
  assert.equal((await loadCheckpoint(folder, { seed: 1, labels: 2 })).labelNames, undefined)
  assert.equal(original.labelNames, undefined)
})

test('sharded weights are read through their index', async (t) => {
  const folder = await copyOf(t, 'tiny-bert')
  const tensors = Object.entries(await readTensors(join(folder, 'model.safetensors')))
  const shards = { 'model-1.safetensors': tensors.slice(0, 9), 'model-2.safetensors': tensors.slice(9) }
  for (const [file, part] of Object.entries(shards)) {
    await writeFile(join(folder, file), encodeSafetensors(Object.fromEntries(part)))
  }
  const weightMap = Object.entries(shards).flatMap(([file, part]) => part.map(([name]) => [name, file]))
  await writeFile(
    join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ weight_map: Object.fromEntries(weightMap) }),
  )
  await rm(join(folder, 'model.safetensors'))
  assert.deepEqual((await loadCheckpoint(folder, { seed: 1 })).parameters, original.parameters)
  await rm(join(folder, 'model-2.safetensors'))
  await fails(loadCheckpoint(folder, { seed: 1 }), /model-2\.safetensors: cannot be read/)
  await writeFile(join(folder, 'model.safetensors.index.json'), '{"weight_map": {"a": "../outside.safetensors"}}')
  await fails(loadCheckpoint(folder, { seed: 1 }), /index\.json: has no weight_map of file names/)
})

test('a missing folder, config or weights file is named', async (t) => {
  await fails(loadCheckpoint('/nowhere/bert', { seed: 1 }), /\/nowhere\/bert\/config\.json: cannot be read/)
  const folder = await copyOf(t, 'tiny-bert')
  await rename(join(folder, 'model.safetensors'), join(folder, 'pytorch_model.bin'))
  await fails(loadCheckpoint(folder, { seed: 1 }), /pytorch_model\.bin: is a Python pickle.*save_pretrained/)
  await rm(join(folder, 'pytorch_model.bin'))
  await fails(loadCheckpoint(folder, { seed: 1 }), /has no model\.safetensors/)
  await writeFile(join(folder, 'config.json'), '[1, 2')
  await fails(loadCheckpoint(folder, { seed: 1 }), /config\.json: is not a JSON object/)
})

test('weights that were cut short are refused, wherever the cut is', async (t) => {
  const folder = await copyOf(t, 'tiny-bert')
  const file = join(folder, 'model.safetensors')
  const whole = await readFile(file)
  for (const length of [0, 7, 100, whole.length - 1]) {
    await writeFile(file, whole.subarray(0, length))
    await fails(loadCheckpoint(folder, { seed: 1 }), /model\.safetensors: (is not a safetensors|.*ends inside tensor)/)
  }
  await writeFile(file, Buffer.concat([whole.subarray(0, 8), Buffer.from('x'), whole.subarray(9)]))
  await fails(loadCheckpoint(folder, { seed: 1 }), /header that is not JSON/)
})

test('a tensor that is missing, of another shape or of a strange type is named', async (t) => {
  const folder = await copyOf(t, 'tiny-bert')
  const name = 'bert.encoder.layer.1.output.dense.weight'
  const file = join(folder, 'model.safetensors')
  const whole = await readFile(file)
  await alterTensors(folder, ({ [name]: _, ...others }) => others)
  await fails(loadCheckpoint(folder, { seed: 1 }), /has no tensor bert\.encoder\.layer\.1\.output\.dense\.weight/)
  await writeFile(file, whole)
  await alterTensors(folder, (tensors) => ({ ...tensors, [name]: { shape: [2], values: Float32Array.of(1, 2) } }))
  await fails(loadCheckpoint(folder, { seed: 1 }), /output\.dense\.weight" is \[2\], but .* calls for \[12,20\]/)
  await writeFile(file, whole)
  await alterTensors(folder, (tensors) => {
    tensors[name]!.values[5] = Number.NaN
    return tensors
  })
  await fails(loadCheckpoint(folder, { seed: 1 }), /output\.dense\.weight" holds values that are not finite/)
  const integers = whole.toString('latin1').replaceAll('"F32"', '"I32"')
  await writeFile(file, Buffer.from(integers, 'latin1'))
  await fails(loadCheckpoint(folder, { seed: 1 }), /is I32; only F32, F16, BF16 and F64/)
})

test('models that the encoder does not compute are refused by name', async (t) => {
  const folder = await copyOf(t, 'tiny-bert')
  const config = join(folder, 'config.json')
  const whole = await readFile(config)
  const refused = async (changes: Record<string, unknown>, message: RegExp) => {
    await writeFile(config, whole)
    await alterJson(config, changes)
    await fails(loadCheckpoint(folder, { seed: 1 }), message)
  }
  await refused({ model_type: 'roberta' }, /model_type is "roberta"/)
  await refused({ hidden_act: 'swish' }, /activation "swish" is not one of gelu/)
  await refused({ position_embedding_type: 'relative_key' }, /relative_key/)
  await refused({ is_decoder: true }, /is_decoder/)
  await refused({ num_attention_heads: 5 }, /5 heads do not divide a hidden size of 12/)
  await refused({ num_hidden_layers: 'two' }, /"num_hidden_layers" should be a positive integer and is "two"/)
  await refused({ vocab_size: 39 }, /tokenizer has ids up to 39, but its config\.json a vocab_size of 39/)
})
