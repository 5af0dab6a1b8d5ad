import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { encoderConfig } from '../../../src/family/architectures.js'
import { parameterSpecs } from '../../../src/family/parameters.js'
import { initialHead, initialParameters } from '../../../training/nn/initialise.js'
import { studentFromTeacherLayers, studentLayerMap } from '../../../training/nn/student-from-teacher.js'
import { createRandom } from '../../../training/random.js'

const make = (layers: number, overrides = {}) =>
  encoderConfig(
    { layers, hiddenSize: 8, heads: 2, intermediateSize: 12 },
    { vocabSize: 400, maxPositions: 8, ...overrides },
  )

test('fresh parameters have the names, shapes and distributions that BERT starts from', () => {
  const config = make(2)
  const parameters = initialParameters(config, createRandom(1))
  assert.deepEqual(
    Object.keys(parameters),
    parameterSpecs(config).map((spec) => spec.name),
  )
  const words = [...parameters['embeddings.word_embeddings.weight']!.values]
  const deviation = Math.sqrt(words.reduce((sum, value) => sum + value * value, 0) / words.length)
  assert.ok(Math.abs(deviation - 0.02) < 0.002)
  assert.ok(parameters['encoder.layer.1.output.LayerNorm.weight']!.values.every((value) => value === 1))
  assert.ok(parameters['encoder.layer.1.output.LayerNorm.bias']!.values.every((value) => value === 0))
  assert.ok(parameters['classifier.bias']!.values.every((value) => value === 0))
})

test('the same seed gives the same parameters, layers differ, and a head alone equals the whole model’s head', () => {
  const config = make(2)
  const parameters = initialParameters(config, createRandom(1))
  assert.deepEqual(initialParameters(config, createRandom(1)), parameters)
  assert.notDeepEqual(
    parameters['encoder.layer.0.output.dense.weight'],
    parameters['encoder.layer.1.output.dense.weight'],
  )
  const head = initialHead(config, createRandom(1))
  assert.deepEqual(head, {
    'classifier.weight': parameters['classifier.weight'],
    'classifier.bias': parameters['classifier.bias'],
  })
})

test('a 12-layer teacher gives a 6-layer student the layers that DistilBERT took', () => {
  assert.deepEqual(studentLayerMap(12, 6), [0, 2, 4, 7, 9, 11])
})

test('a layer map is strictly rising from the first layer to the last', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 24 }), fc.nat(), (teacher, pick) => {
      const student = 2 + (pick % (teacher - 1))
      const map = studentLayerMap(teacher, student)
      assert.equal(map.length, student)
      assert.equal(map[0], 0)
      assert.equal(map.at(-1), teacher - 1)
      assert.ok(map.every((layer, index) => index === 0 || layer > map[index - 1]!))
    }),
  )
})

test('a student starts as copies of its teacher’s embeddings, chosen layers and head', () => {
  const teacher = initialParameters(make(4), createRandom(1))
  const student = studentFromTeacherLayers(teacher, make(4), make(2, { maxPositions: 4 }), [1, 3])
  const name = 'attention.self.query.weight'
  assert.deepEqual(student[`encoder.layer.1.${name}`], teacher[`encoder.layer.3.${name}`])
  assert.deepEqual(student['classifier.weight'], teacher['classifier.weight'])
  assert.deepEqual(student['embeddings.position_embeddings.weight'], {
    shape: [4, 8],
    values: teacher['embeddings.position_embeddings.weight']!.values.slice(0, 32),
  })
  student['classifier.weight']!.values[0] = 42
  assert.notEqual(teacher['classifier.weight']!.values[0], 42)
})

test('a student that does not fit its teacher is refused with what would fit', () => {
  const teacher = initialParameters(make(4), createRandom(1))
  const fails = (student: ReturnType<typeof make>, layers: number[] | undefined, message: RegExp) =>
    assert.throws(() => studentFromTeacherLayers(teacher, make(4), student, layers), {
      code: 'SHAPE_MISMATCH',
      message,
    })
  fails(make(2, { hiddenSize: 4 }), undefined, /hiddenSize is 4 in the student and 8 in the teacher/)
  fails(make(6), undefined, /it may have 1 to 4/)
  fails(make(2), [0, 4], /needs 2 teacher layers between 0 and 3, for example \[0,3\]/)
  fails(make(2, { maxPositions: 16 }), undefined, /position_embeddings/)
})
