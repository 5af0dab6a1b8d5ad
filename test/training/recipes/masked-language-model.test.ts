import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadCheckpoint } from '../../../training/checkpoint/load-checkpoint.js'
import { pretrainMaskedLm } from '../../../training/recipes/masked-language-model.js'
import { assertSame } from '../engine/closeness.js'
import { killedAt, OPTIONS, smokeCorpus } from './unlabelled-corpus.js'

test('pre-training beats the unigram model, and leaves a checkpoint that fine-tuning starts from', async (context) => {
  const corpus = await smokeCorpus(context)
  const stage = corpus.stage('pretraining', { options: { ...OPTIONS, epochs: 16, dropout: 0 } })
  const { parameters, maskedLmHead, trained, config } = await pretrainMaskedLm(stage, corpus.model(1, 32))
  const epochs = stage.events.filter((event) => event.type === 'epoch')
  const unigram = epochs[0]!.majorityNll!
  const best = trained.history[trained.bestEpoch - 1]!
  assert.ok(best.validationNll < unigram - 0.15, `${best.validationNll} nats, unigram ${unigram}`)
  assert.ok(best.validationAccuracy > epochs[0]!.majorityAccuracy!)
  assert.ok(trained.history[0]!.validationNll > best.validationNll)

  const loaded = await loadCheckpoint(stage.checkpointFolder, { labels: 4, seed: 8, maskedLmHead: true })
  assert.deepEqual(loaded.config, { ...config, labels: 4 })
  assertSame(loaded.maskedLmHead!, maskedLmHead!)
  for (const name of Object.keys(parameters)) {
    if (/^(classifier|pooler)/.test(name)) continue
    assert.deepEqual(loaded.parameters[name]!.values, parameters[name]!.values, name)
  }
  assert.deepEqual(loaded.missing.map((name) => name.split('.')[0]).sort(), [
    'classifier',
    'classifier',
    'pooler',
    'pooler',
  ])
})

test('pre-training that is killed before its first validation goes on bit for bit, masks included, and is not repeated', async (context) => {
  const corpus = await smokeCorpus(context)
  const options = { ...OPTIONS, checkpoint_every: 4 }
  const start = corpus.model(1, 16)
  const whole = await pretrainMaskedLm(corpus.stage('whole', { options }), start)
  const killed = corpus.stage('killed', {
    options,
    onEvent: killedAt((event) => event.type === 'step' && event.step > 8),
  })
  await assert.rejects(pretrainMaskedLm(killed, start), /killed/)
  const resumed = corpus.stage('killed', { options })
  const again = await pretrainMaskedLm(resumed, start)
  assert.ok(resumed.events.some((event) => event.type === 'stage' && event.detail === 'after epoch 0, batch 8'))
  assertSame(again.parameters, whole.parameters)
  assertSame(again.maskedLmHead!, whole.maskedLmHead!)
  const skipped = corpus.stage('killed', { options })
  assertSame((await pretrainMaskedLm(skipped, start)).parameters, whole.parameters)
  assert.deepEqual(
    skipped.events.map((event) => event.type === 'stage' && event.state),
    ['skipped'],
  )
})

test('a vocabulary without [MASK], and texts that fill no batch, are refused', async (context) => {
  const corpus = await smokeCorpus(context)
  const stage = corpus.stage('refused')
  const tokenizer = { ...stage.tokenizer, maskId: undefined }
  await assert.rejects(pretrainMaskedLm({ ...stage, tokenizer }, corpus.model(1, 16)), { code: 'TOKENIZER_INVALID' })
  const windows = { ...stage.windows, train: stage.windows.train.slice(0, 1) }
  const options = { ...OPTIONS, accumulation: 2 }
  await assert.rejects(pretrainMaskedLm({ ...stage, windows, options }, corpus.model(1, 16)), {
    code: 'INVALID_CONFIGURATION',
    message: /fill no batch/,
  })
})
