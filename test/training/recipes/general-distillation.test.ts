import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadCheckpoint } from '../../../training/checkpoint/load-checkpoint.js'
import { distilOnCorpus } from '../../../training/recipes/general-distillation.js'
import { assertSame } from '../engine/closeness.js'
import { killedAt, OPTIONS, smokeCorpus } from './unlabelled-corpus.js'

test('a narrower student comes nearer to its teacher on unlabelled text; projections and teacher stay out of its checkpoint', async (context) => {
  const corpus = await smokeCorpus(context)
  const stage = corpus.stage('general', { options: { ...OPTIONS, epochs: 3 } })
  const student = corpus.model(1, 16, 2)
  const { parameters, trained, config } = await distilOnCorpus(stage, student, corpus.model(2, 32))
  const losses = trained.history.map(({ validationLoss }) => validationLoss)
  assert.ok(losses.at(-1)! < 0.9 * losses[0]!, String(losses))
  assert.ok(losses.at(-1)! < trained.history[0]!.trainLoss)
  assert.deepEqual(Object.keys(parameters).sort(), Object.keys(student.parameters).sort())
  const loaded = await loadCheckpoint(stage.checkpointFolder, { labels: 7, seed: 8 })
  assert.deepEqual(loaded.config, { ...config, labels: 7 })
  assert.deepEqual(loaded.unexpected, [])
  const words = 'embeddings.word_embeddings.weight'
  assert.deepEqual(loaded.parameters[words]!.values, parameters[words]!.values)
  assert.ok(stage.events.every((event) => event.type !== 'epoch' || event.majorityNll === undefined))
})

test('soft targets train the classifier on the teacher’s logits, which are computed once', async (context) => {
  const corpus = await smokeCorpus(context)
  const stage = corpus.stage('soft')
  const losses = { soft: { weight: 1, temperature: 2 } }
  const { parameters, trained } = await distilOnCorpus(stage, corpus.model(1, 16, 2), corpus.model(2, 32), losses)
  assert.ok(trained.history.at(-1)!.validationLoss < trained.history[0]!.trainLoss)
  const loaded = await loadCheckpoint(stage.checkpointFolder, { seed: 8 })
  assert.deepEqual(loaded.missing, [])
  assertSame(loaded.parameters, parameters)
})

test('general distillation that is killed goes on bit for bit', async (context) => {
  const corpus = await smokeCorpus(context)
  const options = { ...OPTIONS, checkpoint_every: 5 }
  const [student, teacher] = [corpus.model(1, 16, 2), corpus.model(1, 32)]
  const losses = { relations: { weight: 1, heads: 2 } }
  const whole = await distilOnCorpus(corpus.stage('whole', { options }), student, teacher, losses)
  const onEvent = killedAt((event) => event.type === 'step' && event.epoch === 2)
  const killed = corpus.stage('killed', { options, onEvent })
  await assert.rejects(distilOnCorpus(killed, student, teacher, losses), /killed/)
  const again = await distilOnCorpus(corpus.stage('killed', { options }), student, teacher, losses)
  assertSame(again.parameters, whole.parameters)
})

test('hard targets, other label counts for soft targets and other vocabularies are refused', async (context) => {
  const corpus = await smokeCorpus(context)
  const stage = corpus.stage('refused')
  const [student, teacher] = [corpus.model(1, 16), corpus.model(1, 32)]
  const refused = (losses: Parameters<typeof distilOnCorpus>[3], message: RegExp, other = teacher) =>
    assert.rejects(distilOnCorpus(stage, student, other, losses), { code: 'INVALID_CONFIGURATION', message })
  await refused({ hard: { weight: 1, label_smoothing: 0 } }, /no labels/)
  await refused({ soft: { weight: 1, temperature: 2 } }, /2 labels and the teacher 3/, {
    ...teacher,
    config: { ...teacher.config, labels: 3 },
  })
  await refused(undefined, /vocabulary/, { ...teacher, config: { ...teacher.config, vocabSize: 9 } })
})
