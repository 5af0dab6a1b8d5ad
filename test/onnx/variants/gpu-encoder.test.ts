import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EncoderConfig } from '../../../src/family/encoder-config.js'
import { openEncoder } from '../../../src/onnx/encoder-session.js'
import { buildGpuEncoder, type GpuForm } from '../../../src/onnx/variants/gpu-encoder.js'
import { randomParameters } from '../../support/random-parameters.js'
import { referenceLogits } from '../../support/reference-encoder.js'
import { ENCODER_CHOICES, SMALL_ENCODER, SMALL_SEQUENCES } from '../../support/small-encoder.js'
import { unpackAttention } from '../../support/unpacked-attention.js'

/** CUDA's form with its attention replaced, and WebGPU's as it is: both run on the CPU, which computes fp16 in fp32 and rounds. */
const FORMS: GpuForm['attention'][] = ['packed', 'padded']

async function run(config: EncoderConfig, form: GpuForm, batches: readonly (readonly number[][])[]) {
  const model = buildGpuEncoder(config, randomParameters(config, 7), form)
  const onCpu = form.attention === 'packed' ? unpackAttention(model) : model
  const session = await openEncoder(onCpu, config, { provider: 'cpu', threads: 1 })
  const answers = []
  for (const batch of batches) answers.push(await session.run(batch.map((inputIds) => ({ inputIds }))))
  await session.release()
  return answers
}

for (const [name, overrides] of ENCODER_CHOICES) {
  test(`GPU variants compute what the formulas say, for texts of several lengths at once: ${name}`, async () => {
    const config = { ...SMALL_ENCODER, ...overrides }
    const expected = SMALL_SEQUENCES.map((inputIds) => referenceLogits(config, randomParameters(config, 7), inputIds))
    for (const attention of FORMS) {
      for (const [element, tolerance] of [
        ['fp32', 2e-6],
        ['fp16', 4e-3],
      ] as const) {
        const [logits] = await run(config, { element, attention }, [SMALL_SEQUENCES])
        expected.flat().forEach((value, i) => {
          const found = logits![Math.floor(i / config.labels)]![i % config.labels]!
          assert.ok(Math.abs(found - value) < tolerance, `${attention} ${element}: ${found} is not ${value}`)
        })
      }
    }
  })
}

test('fp16: a text’s logits do not depend on the texts it is batched with', async () => {
  for (const attention of FORMS) {
    const batches = [SMALL_SEQUENCES, ...SMALL_SEQUENCES.map((sequence) => [sequence])]
    const [together, ...alone] = await run(SMALL_ENCODER, { element: 'fp16', attention }, batches)
    assert.deepEqual(together, alone.flat())
  }
})

test('what fp16 cannot hold becomes NaN, which no check passes', async () => {
  const parameters = randomParameters(SMALL_ENCODER, 7)
  parameters['encoder.layer.0.intermediate.dense.bias']!.values.fill(60_000)
  const model = buildGpuEncoder(SMALL_ENCODER, parameters, { element: 'fp16', attention: 'padded' })
  const session = await openEncoder(model, SMALL_ENCODER, { provider: 'cpu', threads: 1 })
  const [logits] = await session.run([{ inputIds: SMALL_SEQUENCES[0]! }])
  await session.release()
  assert.ok(logits!.every(Number.isNaN), String(logits))
})
