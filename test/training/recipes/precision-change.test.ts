/** A fit that is begun in one precision and resumed in another: only one of the two scales its loss. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { encoderConfig } from '../../../src/family/architectures.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import type { Precision } from '../../../training/engine/types.js'
import { hardTargets } from '../../../training/losses/hard-targets.js'
import { initialParameters } from '../../../training/nn/initialise.js'
import { createRandom } from '../../../training/random.js'
import { classifierTask } from '../../../training/recipes/classifier-task.js'
import type { OnEvent } from '../../../training/recipes/events.js'
import { readSnapshot, stageFiles } from '../../../training/recipes/run-folder.js'
import { trainModel } from '../../../training/recipes/train-model.js'
import { OPTIONS } from './unlabelled-corpus.js'

const SIZES = { name: 'tiny', layers: 1, hiddenSize: 32, heads: 2, intermediateSize: 64 }
const CONFIG = encoderConfig(SIZES, { vocabSize: 40, labels: 2, maxPositions: 16 })

/** The second token tells the label. */
function side(examples: number) {
  const random = createRandom(examples)
  const labels = Array.from({ length: examples }, (_, i) => i % 2)
  const sequences = labels.map((label) =>
    Int32Array.from({ length: 12 }, (_, place) => (place === 1 ? 1 + label : 4 + random.integer(36))),
  )
  return { sequences, labels, texts: labels.map(String), truncated: 0 }
}

async function fit(context: TestContext, begin: Precision, resume: Precision) {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-precision-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const files = stageFiles(folder, 'model')
  const task = classifierTask({
    stage: 'model',
    start: { config: CONFIG, parameters: initialParameters(CONFIG, createRandom(1)) },
    options: { ...OPTIONS, epochs: 2 },
    objective: { loss: hardTargets(), seed: 1 },
    sides: { train: side(64), validation: side(32) },
    labelNames: ['loses', 'wins'],
    padId: 0,
    maxTokens: 16,
    bucketWidth: 16,
    runLength: 1,
  })
  const train = async (precision: Precision, onEvent: OnEvent) =>
    trainModel(task, await createEngine('cpu', { threads: 1, precision }), files, onEvent)
  const killed = train(begin, (event) => {
    if (event.type === 'epoch') throw new Error('killed')
  })
  await assert.rejects(killed, /killed/)
  const states: string[] = []
  const { history } = await train(resume, (event) => event.type === 'stage' && states.push(event.state))
  assert.deepEqual(states.slice(0, 1), ['resumed'])
  const { tensors } = (await readSnapshot(files.last))!
  return { history, state: tensors }
}

test('a fit begun in float32 goes on in float16 with a scaled loss, and the other way round; no step is lost', async (context) => {
  const whole = await fit(context, 'float32', 'float32')
  const narrowed = await fit(context, 'float32', 'float16')
  const widened = await fit(context, 'float16', 'float32')
  assert.equal(whole.state.lossScale, undefined)
  for (const { history, state } of [narrowed, widened]) {
    assert.equal(state.lossScale?.values[0], 2 ** 15)
    assert.deepEqual(state.step!.values, whole.state.step!.values)
    assert.equal(history.length, 2)
    const difference = Math.abs(history[1]!.validationNll - whole.history[1]!.validationNll)
    assert.ok(difference < 2e-2, `validation NLL differs by ${difference}`)
  }
  assert.deepEqual(narrowed.history[0]!.validationNll, whole.history[0]!.validationNll)
  assert.equal(whole.state.step!.values[0], 16)
})
