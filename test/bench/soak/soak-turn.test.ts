import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type SoakTurn, soakTurn } from '../../../bench/soak/soak-turn.js'
import { createRandom } from '../../../training/random.js'

test('every family, tier and way of asking comes by within some hundred turns, the same for the same seed', () => {
  const turns = (seed: number) => {
    const random = createRandom(seed)
    return Array.from({ length: 500 }, () => soakTurn(['one', 'two'], random))
  }
  const found = turns(1)
  assert.deepEqual(found, turns(1))
  const requests = found.flatMap((turn: SoakTurn) => (turn.kind === 'stream' ? turn.requests : [turn.request]))
  const seen = (of: (one: (typeof requests)[number]) => unknown) => new Set(requests.map(of))
  assert.deepEqual(
    seen(({ family }) => family),
    new Set(['one', 'two']),
  )
  assert.equal(seen(({ tier }) => tier).size, 4)
  assert.equal(seen(({ texts }) => texts[0]).size, 8)
  assert.deepEqual(new Set(found.map(({ kind }) => kind)), new Set(['request', 'stream', 'disconnect']))
  assert.ok(requests.every(({ tier, budgetMs }) => (tier === 'auto') === (budgetMs !== undefined)))
  assert.ok(requests.some(({ texts }) => texts.length === 3))
})
