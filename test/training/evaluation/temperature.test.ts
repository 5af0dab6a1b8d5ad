import assert from 'node:assert/strict'
import { test } from 'node:test'
import { softmax } from '../../../src/family/softmax.js'
import { softmaxRows } from '../../../training/evaluation/softmax.js'
import { fitTemperature, TEMPERATURE_BOUNDS } from '../../../training/evaluation/temperature.js'
import { createRandom } from '../../../training/random.js'
import { golden } from './golden.js'

for (const { name, logits, labels, temperature, quality } of golden.cases) {
  test(`the fitted temperature is SciPy's: ${name}`, () => {
    const calibration = fitTemperature(logits, labels)
    assert.ok(Math.abs(calibration.temperature / temperature.value - 1) < 1e-4, `${calibration.temperature}`)
    assert.ok(Math.abs(calibration.nllAfter - temperature.nll) < 1e-9)
    assert.ok(Math.abs(calibration.nllBefore - quality.nll) < 1e-9)
    assert.ok(Math.abs(calibration.eceBefore - quality.ece) < 1e-9)
    assert.equal(calibration.fittedOn, 'validation')
  })
}

test('logits that were multiplied by 3 get their temperature back', () => {
  const random = createRandom(3)
  const logits = Array.from({ length: 3000 }, () => [random.normal(), random.normal(), random.normal()])
  const labels = softmaxRows(logits).map(([first, second]) => {
    const draw = random.next()
    return draw < first! ? 0 : draw < first! + second! ? 1 : 2
  })
  const { temperature, eceBefore, eceAfter } = fitTemperature(
    logits.map((row) => row.map((value) => 3 * value)),
    labels,
  )
  assert.ok(Math.abs(temperature - 3) < 0.3, `${temperature}`)
  assert.ok(eceAfter < eceBefore / 3)
})

test('the temperature stays within its bounds where the NLL has no valley', () => {
  const [least, greatest] = TEMPERATURE_BOUNDS
  const allRight = fitTemperature(
    [
      [2, -2],
      [-2, 2],
    ],
    [0, 1],
  )
  assert.ok(allRight.temperature >= least * 0.999 && allRight.nllAfter <= allRight.nllBefore)
  const allWrong = fitTemperature(
    [
      [2, -2],
      [-2, 2],
    ],
    [1, 0],
  )
  assert.ok(allWrong.temperature <= greatest * 1.001 && allWrong.nllAfter < allWrong.nllBefore)
})

test('logits that are all equal keep temperature 1', () => {
  assert.equal(
    fitTemperature(
      [
        [0, 0],
        [0, 0],
      ],
      [0, 1],
    ).temperature,
    1,
  )
})

test('softmax of huge logits is finite and sums to 1', () => {
  assert.deepEqual([...softmax([1000, 1000])], [0.5, 0.5])
  assert.deepEqual([...softmax([1e4, -1e4])], [1, 0])
})
