import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTrainingConfig } from '../../../training/recipes/config.js'
import { METHODS } from '../../../training/recipes/losses-config.js'
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

test('an unknown key is refused by name, with the nearest key there is', () => {
  assert.match(refusal({ studnets: [] }), /config\.yaml: studnets: unknown key; did you mean "students"\?/)
  assert.match(
    refusal({ students: [{ tier: 'fast', temprature: 2 }] }),
    /students\.0\.temprature: unknown key; did you mean "temperature"\?/,
  )
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
    return [students[0]?.losses.soft?.weight, students[0]?.losses.hard?.weight]
  }
  assert.deepEqual(weights('soft'), [0.75, 0.25])
  assert.deepEqual(weights('hard'), [0.25, 0.75])
})

test('what a student minimises is a method, or losses, or the weights of vanilla, and vanilla when nothing is said', () => {
  const losses = (student: object) =>
    parseTrainingConfig({ ...MINIMAL, students: [{ tier: 'fast', ...student }] }, 'config.yaml').students[0]!.losses
  assert.deepEqual(losses({}), METHODS.vanilla)
  assert.deepEqual(losses({ temperature: 4, soft_weight: 0.5 }), {
    soft: { weight: 0.5, temperature: 4 },
    hard: { weight: 0.1, label_smoothing: 0 },
  })
  assert.deepEqual(losses({ method: 'relations' }), METHODS.relations)
  assert.deepEqual(losses({ losses: { hidden: { layers: [[1, 2]] }, relations: { heads: 4 } } }), {
    hidden: { weight: 1, layers: [[1, 2]] },
    relations: { weight: 1, heads: 4 },
  })
})

test('two ways at once to say what a student minimises are refused, and so are losses that weigh nothing', () => {
  const student = (change: object) => refusal({ students: [{ tier: 'fast', ...change }] })
  assert.match(student({ method: 'pkd', temperature: 3 }), /method, temperature each say what the student minimises/)
  assert.match(student({ method: 'pkd', losses: { cls: {} } }), /method, losses each say/)
  assert.match(student({ alpha: 0.5, alpha_weighs: 'soft', hard_weight: 0.5 }), /alpha: stands in place of/)
  assert.match(student({ losses: {} }), /no loss has a weight above 0/)
  assert.match(student({ losses: { soft: { weight: 0 } } }), /no loss has a weight above 0/)
  assert.match(student({ losses: { soft: { temperature: 0.5 } } }), /soft\.temperature: must be >= 1/)
  assert.match(student({ losses: { cls: { weight: 1.5 } } }), /cls\.weight: must be <= 1/)
  assert.match(student({ method: 'hints' }), /method: must be control \| vanilla \| feature/)
})

test('a configuration with its defaults filled in is a configuration again, and the same one', () => {
  for (const name of PRESET_NAMES) {
    const config = preset(name)
    assert.deepEqual(parseTrainingConfig(JSON.parse(JSON.stringify(config)), 'config.json'), config)
  }
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
