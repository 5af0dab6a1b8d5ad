import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeArchitectures } from '../../src/family/architectures.js'

test('parameters are counted: those of transformers’ models with a two-class head', () => {
  // sum(p.numel() for p in BertForSequenceClassification(BertConfig(...)).parameters()), transformers 5.23.0 with torch 2.13.0+cpu;
  // distilbert: DistilBertForSequenceClassification(DistilBertConfig())
  const counted = Object.fromEntries(describeArchitectures().map(({ name, parameters }) => [name, parameters]))
  assert.deepEqual(counted, {
    'bert-base': 109_483_778,
    distilbert: 66_955_010,
    'custom-6x512': 35_069_442,
    tinybert: 14_350_874,
    minilm: 33_360_770,
    'custom-2x384': 15_616_130,
  })
})
