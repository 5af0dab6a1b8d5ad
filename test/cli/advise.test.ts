import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runAdvice } from '../../src/cli/run-advice.js'
import { run } from './lextier-process.js'

test('advise --json answers with approach and reasons', async () => {
  const { exitCode, stdout } = await run([
    'advise',
    '--priority',
    'deployment_speed',
    '--acceptable-accuracy-drop',
    '4',
    '--json',
  ])
  assert.equal(exitCode, 0)
  const advice = JSON.parse(stdout)
  assert.deepEqual(Object.keys(advice), ['approach', 'reasons'])
  assert.equal(advice.approach, 'fine_tune_small_model')
})

test('advise answers in prose, the approach first', (t) => {
  const print = t.mock.method(console, 'log', () => {})
  runAdvice({ priority: 'deployment_speed', acceptableAccuracyDrop: '4', compute: 'plenty' })
  assert.match(
    String(print.mock.calls[0]!.arguments[0]),
    /^Fine-tune a small model\. \(fine_tune_small_model\)\n.*4 points/,
  )
})

test('advise names a wrong value and the right ones', () => {
  const wrong: [object, string][] = [
    [
      { priority: 'speed' },
      '--priority: "speed" is not one of maximum_accuracy, deployment_speed, flexibility, balanced',
    ],
    [{ compute: 'none' }, '--compute: "none" is not one of limited, moderate, plenty'],
    [{ acceptableAccuracyDrop: '-1' }, '--acceptable-accuracy-drop: "-1" is not a number of points from 0 to 100'],
    [{ acceptableAccuracyDrop: ' ' }, '--acceptable-accuracy-drop: " " is not a number of points from 0 to 100'],
    [{ rows: '12.5' }, '--rows: "12.5" is not a whole number from 0 on'],
  ]
  for (const [flags, message] of wrong) {
    assert.throws(() => runAdvice({ priority: 'balanced', compute: 'moderate', ...flags }), {
      code: 'INVALID_CONFIGURATION',
      message,
    })
  }
})
