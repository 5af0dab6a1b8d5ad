/** The loop around a step of one weight, w ← w + x, whose loss is x · w, so that what goes in decides what comes out. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as tf from '@tensorflow/tfjs'
import type { HostTensors } from '../../../src/family/tensor.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import type { StepFunction } from '../../../training/engine/types.js'
import type { TrainingEvent } from '../../../training/recipes/events.js'
import { readSnapshot, stageFiles } from '../../../training/recipes/run-folder.js'
import { finishedLoop, type LoopTask, trainingLoop } from '../../../training/recipes/training-loop.js'
import { OPTIONS } from './unlabelled-corpus.js'

const engine = await createEngine('tfjs:cpu')
const scalar = (value: number) => ({ shape: [], values: Float32Array.of(value) })

const step: StepFunction = (state, batch, frozen) => {
  const added = tf.mul(batch.x!, frozen.scale!)
  return {
    state: { ...state, 'p/w': tf.add(state['p/w']!, added), 'p/extra': tf.sub(state['p/extra']!, 1) },
    outputs: { loss: tf.mul(batch.x!, state['p/w']!), gradientNorm: tf.scalar(1) },
  }
}

/** 4 batches an epoch; validation is |w − 6|. */
function task(xAt: (step: number) => number, change: Partial<LoopTask<{ validationLoss: number }>> = {}) {
  const loop: LoopTask<{ validationLoss: number }> = {
    stage: 'toy',
    initial: { w: scalar(0), extra: scalar(10) },
    frozen: { scale: scalar(1) },
    step,
    lengths: new Array<number>(8).fill(4),
    batch: (_, step) => ({ x: scalar(xAt(step)) }),
    kept: ({ w }) => ({ w: w! }),
    validation: {
      parameters: ({ w }) => ({ w: w! }),
      infer: ({ w }) => ({ distance: tf.abs(tf.sub(w!, 6)) }),
      async measure(evaluator) {
        const validationLoss = (await evaluator.run({})).distance!.values[0]!
        return { minimised: validationLoss, figures: { validationLoss } }
      },
    },
    options: { ...OPTIONS, epochs: 3, batch_size: 2, patience: 1, checkpoint_every: 3 },
    maxTokens: 4,
    bucketWidth: 4,
    runLength: 1,
    seed: 1,
    ...change,
  }
  return loop
}

async function filesOf(context: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-loop-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  return stageFiles(folder, 'toy')
}

const lastOf = async (files: ReturnType<typeof stageFiles>) =>
  (await readSnapshot<{ epoch: number; batch: number }>(files.last))!
const weight = (tensors: HostTensors, name: string) => tensors[name]!.values[0]

test('the best weights come back without what only the loss needed, which the checkpoint holds', async (context) => {
  const files = await filesOf(context)
  const result = await trainingLoop(
    task(() => 1),
    engine,
    files,
    () => {},
  )
  // w is 4 after the first epoch, 8 after the second, 12 after the third: |w − 6| is 2, 2 and 6
  assert.deepEqual(
    result.history.map(({ validationLoss }) => validationLoss),
    [2, 2],
  )
  assert.deepEqual([result.bestEpoch, result.steps], [1, 8])
  assert.deepEqual(result.parameters, { w: scalar(4) })
  const { tensors, facts } = await lastOf(files)
  assert.deepEqual([weight(tensors, 'p/w'), weight(tensors, 'p/extra'), facts.epoch], [8, 2, 2])
  assert.match(await readFile(files.metrics, 'utf8'), /^epoch,train_loss,validation_loss,seconds\n1,1\.5,2,/)
  assert.deepEqual(await finishedLoop(files, 'toy', () => {}), result)
})

test('frozen tensors reach every step', async (context) => {
  const files = await filesOf(context)
  const doubled = task(() => 1, { frozen: { scale: scalar(1.5) } })
  const { parameters } = await trainingLoop(doubled, engine, files, () => {})
  assert.deepEqual(parameters, { w: scalar(6) })
})

test('a loss that is not a number names its step, and the checkpoint before it can be resumed', async (context) => {
  const files = await filesOf(context)
  const poisoned = task((step) => (step === 4 ? Number.NaN : 1))
  await assert.rejects(
    trainingLoop(poisoned, engine, files, () => {}),
    { code: 'LOSS_NOT_FINITE', message: /at step 5; the checkpoint after epoch 1, batch 0 is kept/ },
  )
  assert.equal(weight((await lastOf(files)).tensors, 'p/w'), 4)
  const { parameters, history } = await trainingLoop(
    task(() => 1),
    engine,
    files,
    () => {},
  )
  assert.deepEqual([parameters, history.length], [{ w: scalar(4) }, 2])
})

test('weights that overflow under a finite loss are not written over a good checkpoint', async (context) => {
  const files = await filesOf(context)
  // step 6, the last before the checkpoint within the second epoch is due, has a finite loss and puts w out of range
  const overflowing = task((step) => (step === 6 ? 3e38 : 1), { initial: { w: scalar(0), extra: scalar(10) } })
  const steep: LoopTask<{ validationLoss: number }> = {
    ...overflowing,
    frozen: { scale: scalar(10) },
    step: (state, batch, frozen) => {
      const { state: next } = step(state, batch, frozen)
      return { state: next, outputs: { loss: tf.scalar(1), gradientNorm: tf.scalar(1) } }
    },
  }
  await assert.rejects(
    trainingLoop(steep, engine, files, () => {}),
    { code: 'LOSS_NOT_FINITE', message: /at step 7; the checkpoint after epoch 1, batch 0 is kept/ },
  )
  assert.equal(weight((await lastOf(files)).tensors, 'p/w'), 40)
})

test('the initial weights stay the best where they count and no epoch is better', async (context) => {
  const start = { initial: { w: scalar(6), extra: scalar(0) } }
  const counted = await trainingLoop(
    task(() => 1, { ...start, startCounts: true }),
    engine,
    await filesOf(context),
    () => {},
  )
  assert.deepEqual([counted.bestEpoch, counted.history.length, counted.parameters], [0, 1, { w: scalar(6) }])
  const uncounted = await trainingLoop(
    task(() => 1, start),
    engine,
    await filesOf(context),
    () => {},
  )
  assert.deepEqual([uncounted.bestEpoch, uncounted.parameters], [1, { w: scalar(10) }])
})

test('a validation that is never a number is an error that says what to do', async (context) => {
  const validation = {
    infer: task(() => 1).validation.infer,
    measure: async () => ({ minimised: Number.NaN, figures: { validationLoss: Number.NaN } }),
  }
  await assert.rejects(
    trainingLoop(
      task(() => 1, { validation }),
      engine,
      await filesOf(context),
      () => {},
    ),
    { code: 'INVALID_CONFIGURATION', message: /no epoch gave a finite validation loss/ },
  )
})

test('what a killed process left half-written is gone once the stage goes on', async (context) => {
  const files = await filesOf(context)
  const once = task(() => 1, { options: { ...OPTIONS, epochs: 1, batch_size: 2 } })
  await trainingLoop(once, engine, files, () => {})
  await writeFile(`${files.last}.killed.part`, 'half')
  await trainingLoop(once, engine, files, () => {})
  const names = await readdir(dirname(files.last))
  assert.deepEqual(names.toSorted(), ['best.safetensors', 'done.json', 'last.safetensors', 'metrics.csv'])
})

/** Steps whose gradients overflow where `overflows` says so, as a loss scale would have it. */
function scaled(overflows: (step: number) => boolean): Partial<LoopTask<{ validationLoss: number }>> {
  return {
    batch: (_, at) => ({ x: scalar(1), norm: scalar(overflows(at) ? Number.POSITIVE_INFINITY : at + 1) }),
    step: (state, batch, frozen) => {
      const { state: next, outputs } = step(state, batch, frozen)
      const lossScale = state.lossScale!
      return {
        state: { ...next, lossScale: tf.div(lossScale, 2) },
        outputs: { ...outputs, gradientNorm: batch.norm!, lossScale },
      }
    },
    options: { ...OPTIONS, epochs: 3, batch_size: 2, patience: 3, checkpoint_every: 3 },
  }
}

async function scaledEvents(context: TestContext, overflows: (step: number) => boolean) {
  const events: TrainingEvent[] = []
  const files = await filesOf(context)
  const loop = task(() => 1, scaled(overflows))
  await trainingLoop(loop, { ...engine, precision: 'float16' }, files, (event) => events.push(event))
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
  return { warnings, steps: events.flatMap((event) => (event.type === 'step' ? [event] : [])) }
}

test('in mixed precision progress says how many steps were skipped, the loss scale, and a norm that is a number', async (context) => {
  const { steps, warnings } = await scaledEvents(context, (step) => step === 1 || step === 3)
  // calls end at the checkpoints after 3 batches and at the ends of the epochs after 4
  assert.deepEqual(
    steps.slice(0, 3).map(({ skippedSteps, lossScale, gradientNorm }) => [skippedSteps, lossScale, gradientNorm]),
    [
      [1, 2 ** 13, 3],
      [1, 2 ** 12, Number.POSITIVE_INFINITY],
      [0, 2 ** 9, 7],
    ],
  )
  assert.deepEqual(warnings, [])
})

test('an epoch whose every step was skipped is told once, with the way out', async (context) => {
  const { warnings } = await scaledEvents(context, (step) => step >= 4)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0]!, /^toy: nothing was learnt in epoch 2, .* all its 4 steps .*--precision float32$/)
})

test('without a loss scale progress says nothing of one', async (context) => {
  const events: TrainingEvent[] = []
  await trainingLoop(
    task(() => 1),
    engine,
    await filesOf(context),
    (event) => events.push(event),
  )
  const steps = events.filter((event) => event.type === 'step')
  assert.ok(steps.length > 0)
  for (const event of steps) assert.equal('lossScale' in event || 'skippedSteps' in event, false)
})
