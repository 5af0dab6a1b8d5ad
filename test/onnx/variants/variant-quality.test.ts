import assert from 'node:assert/strict'
import { test } from 'node:test'
import { qualityFault } from '../../../src/onnx/variants/variant-quality.js'

const measured = (texts: number, accuracy: [number, number], auc: [number, number]) =>
  qualityFault({
    dataSha256: '',
    texts,
    portable: { accuracy: accuracy[0], auc: auc[0] },
    variant: { accuracy: accuracy[1], auc: auc[1] },
  })

test('a variant may lose half a point of AUC and of accuracy, and gain any', () => {
  assert.equal(measured(1000, [0.7, 0.695], [0.8, 0.795]), undefined)
  assert.equal(measured(1000, [0.7, 0.9], [0.8, 0.9]), undefined)
  assert.match(measured(1000, [0.7, 0.7], [0.8, 0.794]) ?? '', /0\.60 points of AUC on 1000/)
  assert.match(measured(1000, [0.7, 0.694], [0.8, 0.8]) ?? '', /0\.60 points of accuracy/)
})

test('a single text of few is no loss of accuracy, two are', () => {
  assert.equal(measured(50, [0.7, 0.68], [0.8, 0.8]), undefined)
  assert.match(measured(50, [0.7, 0.66], [0.8, 0.8]) ?? '', /allowed: 2\.00/)
})
