import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTrainingConfig } from '../../../training/recipes/config.js'
import { PRESET_NAMES, preset } from '../../../training/recipes/presets.js'

const MINIMAL = { name: 'x', data: { text_column: 'text', label_column: 'label' } }

function refusal(change: object): string {
  try {
    parseTrainingConfig({ ...MINIMAL, ...change }, 'config.yaml')
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'INVALID_CONFIGURATION')
    return (error as Error).message
  }
  assert.fail(`accepted ${JSON.stringify(change)}`)
}

test('a configuration needs no more than a name and the two columns', () => {
  const config = parseTrainingConfig(MINIMAL, 'config.yaml')
  assert.equal(config.max_tokens, 512)
  assert.equal(config.teacher.epochs, 8)
  assert.deepEqual(config.students, [])
})

test('an unknown key is refused by name', () => {
  assert.match(refusal({ tempreature: 2 }), /config\.yaml: tempreature: unknown key/)
  assert.match(refusal({ students: [{ tier: 'fast', temprature: 2 }] }), /students\.0\.temprature: unknown key/)
})

test('a missing column, a temperature above 10 and a weight above 1 are refused', () => {
  assert.match(refusal({ data: { text_column: 'text' } }), /label_column/)
  assert.match(refusal({ students: [{ tier: 'fast', temperature: 11 }] }), /temperature: must be <= 10/)
  assert.match(refusal({ students: [{ tier: 'fast', soft_weight: 1.1 }] }), /soft_weight: must be <= 1/)
})

test('alpha is accepted only together with what it weighs', () => {
  assert.match(refusal({ students: [{ tier: 'fast', alpha: 0.7 }] }), /alpha_weighs/)
  const weights = (alpha_weighs: string) => {
    const { students } = parseTrainingConfig(
      { ...MINIMAL, students: [{ tier: 'fast', alpha: 0.75, alpha_weighs }] },
      'config.yaml',
    )
    return [students[0]?.soft_weight, students[0]?.hard_weight]
  }
  assert.deepEqual(weights('soft'), [0.75, 0.25])
  assert.deepEqual(weights('hard'), [0.25, 0.75])
})

test('weights of 0 and 0, a tier named twice and an accumulation that does not divide are refused', () => {
  assert.match(refusal({ students: [{ tier: 'fast', soft_weight: 0, hard_weight: 0 }] }), /at least one/)
  assert.match(refusal({ students: [{ tier: 'fast' }, { tier: 'fast' }] }), /each tier may be named once/)
  assert.match(refusal({ teacher: { batch_size: 16, accumulation: 3 } }), /must divide batch_size/)
})

test('a temporal or grouped split without its column is refused before anything is read', () => {
  assert.match(refusal({ split: { method: 'temporal' } }), /split\.method: temporal needs data\.time_column/)
  assert.match(refusal({ split: { method: 'grouped' } }), /split\.method: grouped needs data\.group_column/)
})

test('every preset is a configuration, and an unknown one is answered with the names there are', () => {
  for (const name of PRESET_NAMES) assert.equal(preset(name).name, name)
  assert.throws(() => preset('toString'), /scotus-outcome, scotus-issue, smoke/)
})
