import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { argmax, softmax } from '../../../src/family/softmax.js'
import { hardTargets } from '../../../training/losses/hard-targets.js'
import { makeInference, makeTrainStep } from '../../../training/optim/train-step.js'
import { hardExamples, hardExampleTask } from '../../../training/recipes/hard-examples.js'
import { predictSequences } from '../../../training/recipes/predict-sequences.js'
import { type TrainingTask, trainModel } from '../../../training/recipes/train-model.js'
import { assertSame } from '../engine/closeness.js'
import { OPTIONS, smokeCorpus } from './unlabelled-corpus.js'

const logit = fc.double({ min: -5, max: 5, noNaN: true })
const example = fc.record({ row: fc.tuple(logit, logit, logit), label: fc.nat(2) })

test('wrong answers are the hardest, then those least sure of the true label; the share is rounded up', () => {
  const rows = [Float32Array.of(3, 0), Float32Array.of(0, 1), Float32Array.of(0.2, 0), Float32Array.of(0, 4)]
  const labels = [0, 0, 0, 0]
  assert.deepEqual(hardExamples(rows, labels, 0.25), [3])
  assert.deepEqual(hardExamples(rows, labels, 0.5), [1, 3])
  assert.deepEqual(hardExamples(rows, labels, 0.6), [1, 2, 3])
  assert.deepEqual(hardExamples(rows, labels, 1), [0, 1, 2, 3])
  fc.assert(
    fc.property(
      fc.array(example, { minLength: 1, maxLength: 30 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (all, share) => {
        const logits = all.map(({ row }) => Float32Array.from(row))
        const truths = all.map(({ label }) => label)
        const chosen = hardExamples(logits, truths, share)
        assert.equal(chosen.length, Math.ceil(share * all.length))
        const easy = [...all.keys()].filter((i) => !chosen.includes(i))
        const isRight = (i: number) => argmax(logits[i]!) === truths[i]
        const sureness = (i: number) => softmax(logits[i]!)[truths[i]!]!
        for (const hard of chosen) {
          for (const other of easy) {
            if (isRight(hard) === isRight(other)) assert.ok(sureness(hard) <= sureness(other))
            else assert.ok(isRight(other))
          }
        }
      },
    ),
    { numRuns: 50 },
  )
})

test('a share out of range, and logits that do not fit the labels, are refused', () => {
  for (const share of [0, -1, 1.1, Number.NaN]) {
    assert.throws(() => hardExamples([Float32Array.of(1, 0)], [0], share), { code: 'INVALID_CONFIGURATION' })
  }
  assert.throws(() => hardExamples([Float32Array.of(1, 0)], [0, 1], 0.5), { code: 'SHAPE_MISMATCH' })
})

test('training goes on with the hard examples; the weights before it stay when it makes validation no better', async (context) => {
  const corpus = await smokeCorpus(context)
  const { windows, engine, files, tokenizer, ...stage } = corpus.stage('first')
  const { config, parameters } = corpus.model(1, 16)
  const labelled = (sequences: readonly Int32Array[]) => ({
    sequences,
    labels: sequences.map((sequence) => Number(sequence.length > 24)),
  })
  const task: TrainingTask = {
    ...stage,
    initial: parameters,
    step: makeTrainStep({ config, loss: hardTargets(), optimiser: { decays: () => false } }),
    infer: makeInference(config),
    train: labelled(windows.train),
    validation: labelled(windows.validation),
    teacherLogits: windows.train.map((_, i) => Float32Array.of(i, -i)),
    majority: { accuracy: 0.5, nll: Math.LN2 },
    padId: tokenizer.padId,
  }
  const first = await trainModel(task, engine, files, stage.onEvent)
  const evaluator = await engine.evaluator(makeInference(config), first.parameters)
  const logits = await predictSequences(evaluator, windows.train, task)
  await evaluator.dispose()
  const goOn = async (name: string, learning_rate: number) => {
    const { files, onEvent, events } = corpus.stage(name)
    const options = { ...OPTIONS, learning_rate }
    const next = hardExampleTask(task, { stage: name, parameters: first.parameters, logits, share: 0.3, options })
    assert.equal(next.train.sequences.length, Math.ceil(0.3 * windows.train.length))
    for (const [i, sequence] of next.train.sequences.entries()) {
      assert.equal(next.teacherLogits![i]![0], windows.train.indexOf(sequence))
    }
    return { ...(await trainModel(next, engine, files, onEvent)), events }
  }
  const best = first.history[first.bestEpoch - 1]!.validationNll
  const wild = await goOn('wild', 0.5)
  assert.ok(wild.history.every(({ validationNll }) => validationNll > best))
  assert.equal(wild.bestEpoch, 0)
  assertSame(wild.parameters, first.parameters)
  const gentle = await goOn('gentle', 1e-4)
  assert.equal(gentle.history.length, OPTIONS.epochs)
  const reached = [best, ...gentle.history.map(({ validationNll }) => validationNll)]
  assert.equal(reached[gentle.bestEpoch], Math.min(...reached))
})
