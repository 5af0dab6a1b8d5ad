import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type LayerMapSizes, type LayerMapSpec, layerMap } from '../../../training/losses/layer-map.js'

const hidden = (studentLayers: number, teacherLayers: number): LayerMapSizes => ({
  studentLayers,
  teacherLayers,
  embeddings: true,
})
const attention = (studentLayers: number, teacherLayers: number): LayerMapSizes => ({ studentLayers, teacherLayers })

function refusal(spec: LayerMapSpec, sizes: LayerMapSizes): string {
  try {
    layerMap(spec, sizes, 'hidden.layers')
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'INVALID_CONFIGURATION')
    return (error as Error).message
  }
  assert.fail(`${JSON.stringify(spec)} was accepted`)
}

test('uniform takes every k-th teacher layer, and the embeddings of hidden states', () => {
  assert.deepEqual(layerMap('uniform', hidden(4, 12)), [
    [0, 0],
    [1, 3],
    [2, 6],
    [3, 9],
    [4, 12],
  ])
  assert.deepEqual(layerMap('uniform', attention(2, 6)), [
    [1, 3],
    [2, 6],
  ])
})

test('all pairs equal layers, late the last ones, first-middle-last three', () => {
  assert.deepEqual(layerMap('all', attention(2, 2)), [
    [1, 1],
    [2, 2],
  ])
  assert.deepEqual(layerMap('late', hidden(2, 12)), [
    [1, 11],
    [2, 12],
  ])
  assert.deepEqual(layerMap('first-middle-last', hidden(6, 12)), [
    [1, 1],
    [4, 7],
    [6, 12],
  ])
})

test('every named map that is accepted ends at the last layer of both and never goes back', () => {
  const names = fc.constantFrom('uniform' as const, 'all' as const, 'first-middle-last' as const, 'late' as const)
  const layers = fc.integer({ min: 1, max: 24 })
  fc.assert(
    fc.property(names, layers, layers, fc.boolean(), (spec, studentLayers, teacherLayers, embeddings) => {
      let pairs: ReturnType<typeof layerMap>
      try {
        pairs = layerMap(spec, { studentLayers, teacherLayers, embeddings })
      } catch {
        return
      }
      assert.deepEqual(pairs.at(-1), [studentLayers, teacherLayers])
      for (const [i, [student, teacher]] of pairs.entries()) {
        assert.ok(Number.isInteger(student) && Number.isInteger(teacher))
        assert.ok(i === 0 || (student > pairs[i - 1]![0] && teacher > pairs[i - 1]![1]))
      }
    }),
  )
})

test('what a refused map is answered with does fit', () => {
  const layers = fc.integer({ min: 1, max: 14 })
  fc.assert(
    fc.property(layers, layers, (studentLayers, teacherLayers) => {
      const sizes = hidden(studentLayers, teacherLayers)
      const fitting = /What fits: (.*), a list/.exec(
        `${refusal([[99, 1]], sizes).replace('What fits: a', 'What fits: , a')}`,
      )
      const named = fitting![1]!.split(', ').filter(Boolean)
      for (const spec of named) assert.ok(layerMap(spec as LayerMapSpec, sizes).length > 0)
      for (const spec of ['uniform', 'all', 'first-middle-last', 'late'] as const) {
        if (!named.includes(spec)) refusal(spec, sizes)
      }
    }),
  )
})

test('a map that does not fit is refused with the reason and what would fit', () => {
  assert.match(
    refusal('uniform', hidden(4, 6)),
    /hidden\.layers: uniform needs a multiple of the student's 4 layers, .* has 6/,
  )
  assert.match(refusal('uniform', hidden(4, 6)), /What fits: first-middle-last, late, a list .* \[\[4, 6\]\]/)
  assert.match(refusal('all', hidden(2, 3)), /the student has 2, the teacher 3/)
  assert.match(refusal('late', hidden(3, 2)), /at least 3 layers, and it has 2/)
  assert.match(refusal('first-middle-last', hidden(2, 12)), /3 layers in both, and the student has 2/)
})

test('a list is taken as it stands, unless a pair is out of range or occurs twice', () => {
  const pairs = [
    [0, 0],
    [2, 5],
    [2, 6],
  ] as const
  assert.deepEqual(layerMap(pairs, hidden(2, 6)), pairs)
  assert.match(refusal([[3, 6]], hidden(2, 6)), /\[3, 6\] is out of range: .* from 0 \(the embeddings\) to 2 and 6/)
  assert.match(refusal([[0, 0]], attention(2, 6)), /\[0, 0\] is out of range: .* from 1 to 2 and 6/)
  assert.match(
    refusal(
      [
        [1, 1],
        [1, 1],
      ],
      hidden(2, 6),
    ),
    /\[1, 1\] occurs twice/,
  )
})
