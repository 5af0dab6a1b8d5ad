import assert from 'node:assert/strict'
import { test } from 'node:test'
import { variantDifference, variantFault } from '../../../src/onnx/variants/variant-check.js'
import { variantsToTry } from '../../../src/onnx/variants/variant-names.js'

const rows = (...logits: number[][]) => logits.map((row) => Float32Array.from(row))
const odds = (p: number) => [Math.log(p / (1 - p)), 0]

test('differences are of logits and of calibrated probabilities', () => {
  const temperature = 2
  const scaled = (p: number) => odds(p).map((logit) => logit * temperature)
  const difference = variantDifference(rows(scaled(0.6), scaled(0.9)), rows(scaled(0.5), scaled(0.9)), temperature)
  assert.equal(difference.texts, 2)
  assert.ok(Math.abs(difference.maxProbabilityDifference - 0.1) < 1e-6)
  assert.ok(Math.abs(difference.meanProbabilityDifference - 0.05) < 1e-6)
  assert.ok(Math.abs(difference.maxLogitDifference - 2 * Math.log(1.5)) < 1e-6)
})

test('fp32 may differ by rounding only', () => {
  const before = rows([1, 0], [0, 1])
  assert.equal(variantFault('fused_fp32', variantDifference(rows([1.00005, 0], [0, 1]), before, 1)), undefined)
  assert.match(
    variantFault('fused_fp32', variantDifference(rows([1.0002, 0], [0, 1]), before, 1)) ?? '',
    /logits differ by up to 0.00020 .*at most 0.0001/,
  )
})

test('int8 may move probabilities a little, not labels', () => {
  const fault = (found: Float32Array[], expected: Float32Array[]) =>
    variantFault('fused_int8', variantDifference(found, expected, 1))
  const sure = Array.from({ length: 9 }, () => odds(0.9))
  assert.equal(fault(rows(...sure, odds(0.7)), rows(...sure, odds(0.6))), undefined)
  assert.match(fault(rows(...sure, odds(0.8)), rows(...sure, odds(0.6))) ?? '', /probabilities differ by up to 0.20/)
  const moved = Array.from({ length: 9 }, () => odds(0.86))
  assert.match(fault(rows(...moved), rows(...sure)) ?? '', /on average by 0.040/)
  assert.equal(fault(rows(...sure, odds(0.51)), rows(...sure, odds(0.49))), undefined)
  const torn = [odds(0.51), odds(0.51)]
  const turned = [odds(0.49), odds(0.49)]
  assert.match(fault(rows(...sure, ...torn), rows(...sure, ...turned)) ?? '', /82% of the texts/)
})

test('what is not a number never passes', () => {
  for (const variant of ['fused_fp32', 'fused_fp16', 'fused_int8'] as const) {
    const difference = variantDifference(rows([Number.NaN, 0], [1, 0]), rows([1, 0], [1, 0]), 1)
    assert.match(variantFault(variant, difference) ?? '', /not numbers: its arithmetic overflows/)
  }
})

test('the portable model stands last in every plan, and alone where a provider has no such variant', () => {
  assert.deepEqual(variantsToTry('cpu', 'auto'), ['fused_int8', 'fused_fp32', 'portable'])
  assert.deepEqual(variantsToTry('cpu', 'fused_fp32'), ['fused_fp32', 'portable'])
  assert.deepEqual(variantsToTry('cpu', 'portable'), ['portable'])
  assert.deepEqual(variantsToTry('cuda', 'auto'), ['fused_fp16', 'portable'])
  assert.deepEqual(variantsToTry('webgpu', 'auto'), ['fused_fp16', 'fused_fp32', 'portable'])
  assert.deepEqual(variantsToTry('webgpu', 'fused_fp32'), ['fused_fp32', 'portable'])
  assert.deepEqual(variantsToTry('cuda', 'fused_int8'), ['portable'])
  assert.deepEqual(variantsToTry('cpu', 'fused_fp16'), ['portable'])
})
