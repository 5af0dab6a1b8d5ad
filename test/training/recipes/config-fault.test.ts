import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { configFault, nearest } from '../../../training/recipes/config-fault.js'
import { LossesConfig } from '../../../training/recipes/losses-config.js'

const closed = { additionalProperties: false }
const SCHEMA = Type.Object(
  { losses: LossesConfig, students: Type.Array(Type.Object({ tier: Type.String(), layers: Type.Integer() }, closed)) },
  closed,
)
const valid = { losses: {}, students: [] }

test('a value that fits has no fault', () => {
  assert.equal(configFault(SCHEMA, valid), undefined)
})

test('an unknown key is answered with the nearest key of its own object, at any depth', () => {
  assert.equal(configFault(SCHEMA, { ...valid, loses: {} }), 'loses: unknown key; did you mean "losses"?')
  assert.equal(
    configFault(SCHEMA, { ...valid, losses: { soft: { weight: 1, tempreature: 2 } } })?.split('; ')[1],
    'did you mean "temperature"?',
  )
  assert.equal(
    configFault(SCHEMA, { ...valid, students: [{ tier: 'fast', layers: 2, layer: 1 }] }),
    'students.0.layer: unknown key; did you mean "layers"?',
  )
})

test('a key that is near to none is answered with all that there are', () => {
  assert.equal(
    configFault(SCHEMA, { ...valid, students: [{ tier: 'fast', layers: 2, dropout: 1 }] }),
    'students.0.dropout: unknown key; there are tier, layers',
  )
  assert.equal(nearest('x', ['weight', 'layers']), undefined)
})

test('a choice that is none of the literals is answered with them, and with a list where one is accepted', () => {
  const losses = { hidden: { weight: 1, layers: 'evenly' } }
  assert.equal(
    configFault(SCHEMA, { ...valid, losses }),
    'losses.hidden.layers: must be uniform | all | first-middle-last | late | a list',
  )
})
