import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withValue } from '../../../training/study/config-path.js'
import { sweepTrials } from '../../../training/study/sweep-trials.js'
import { study } from './inputs.js'

const sweep = (change: object) => study({ sweep: { parameters: {}, ...change } }).sweep[0]!

test('a grid is every combination, and one beyond its budget is refused', () => {
  const parameters = { 'students.thin.epochs': [1, 2], 'students.thin.dropout': [0, 0.1, 0.2] }
  const trials = sweepTrials(sweep({ parameters }))
  assert.equal(trials.length, 6)
  assert.deepEqual(trials[5], { 'students.thin.epochs': 2, 'students.thin.dropout': 0.2 })
  assert.throws(() => sweepTrials(sweep({ parameters, budget: 5 })), /6 trials and the budget is 5/)
})

test('random search draws within its ranges, the same for the same seed, each trial once', () => {
  const parameters = {
    'students.thin.learning_rate': { min: 1e-5, max: 1e-3, scale: 'log' },
    'students.thin.epochs': { min: 1, max: 3, integer: true },
  }
  const config = sweep({ kind: 'random', budget: 40, parameters })
  const trials = sweepTrials(config)
  assert.equal(trials.length, 40)
  assert.deepEqual(trials, sweepTrials(config))
  const rates = trials.map((trial) => trial['students.thin.learning_rate'] as number)
  assert.ok(rates.every((rate) => rate >= 1e-5 && rate <= 1e-3))
  // half of a logarithmic range lies below its geometric middle
  const low = rates.filter((rate) => rate < 1e-4).length
  assert.ok(low > 8 && low < 32, `${low} of 40 below 1e-4`)
  assert.deepEqual([...new Set(trials.map((trial) => trial['students.thin.epochs']))].sort(), [1, 2, 3])
  assert.equal(sweepTrials(sweep({ kind: 'random', budget: 9, parameters: { seeds: [1, 2] } })).length, 2)
})

test('a path goes through lists by index or name, and one that leads nowhere is refused', () => {
  const config = study()
  const warm = withValue(config, 'methods.vanilla.losses.soft.temperature', 5)
  assert.equal(warm.methods[1]!.losses.soft?.temperature, 5)
  assert.equal(config.methods[1]!.losses.soft?.temperature, 2)
  assert.equal(withValue(config, 'students.1.epochs', 7).students[1]!.epochs, 7)
  assert.throws(() => withValue(config, 'students.tin.epochs', 7), /there is no "tin"; did you mean "thin"/)
})
