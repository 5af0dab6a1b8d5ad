import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../../src/cli/package-root.js'
import { parseStudyConfig, readStudyConfig } from '../../../training/study/study-config.js'

const DATA = { text_column: 'facts', label_column: 'kind' }
const parse = (change: object) => parseStudyConfig({ name: 's', data: DATA, ...change }, 'study.yaml')
const refusal = (change: object, message: RegExp) =>
  assert.throws(() => parse(change), { code: 'INVALID_CONFIGURATION', message })
const tiny = { name: 'tiny', architecture: { layers: 1, hidden_size: 16 } }

test('a study needs a name and the columns; the rest has defaults, and a checked configuration is one itself', () => {
  const config = parse({ students: [tiny], sweep: { parameters: { 'students.tiny.epochs': [1, 2] } } })
  assert.deepEqual(config.seeds, [1])
  assert.equal(config.split?.test, 0.15)
  assert.deepEqual(
    config.methods.map(({ name }) => name),
    ['control', 'vanilla'],
  )
  assert.equal(config.methods[1]!.losses.soft?.temperature, 2)
  assert.deepEqual(parseStudyConfig(config, 'again'), config)
})

test('an unknown key is answered with the nearest', () => {
  refusal({ folds: { cout: 5 } }, /folds\.cout: unknown key; did you mean "count"/)
  refusal({ students: [{ ...tiny, learning_rat: 1 }] }, /students\.0\.learning_rat: .*"learning_rate"/)
})

test('names that lead nowhere are refused', () => {
  refusal({ students: [tiny, tiny] }, /"tiny" is named twice/)
  refusal({ students: [tiny], chains: [{ name: 'c', path: ['teacher', 'tiny', 'tina'] }] }, /did you mean "tiny"/)
  refusal({ students: [{ ...tiny, seeds: [7] }] }, /students\.tiny\.seeds: 7 is not among the study's seeds \(1\)/)
  const apart = {
    seeds: [1, 2],
    students: [
      { ...tiny, seeds: [1] },
      { ...tiny, name: 'other', seeds: [2] },
    ],
  }
  refusal({ ...apart, chains: [{ name: 'c', path: ['teacher', 'tiny', 'other'] }] }, /chains\.c: .* no seed in common/)
  refusal({ students: [{ ...tiny, teachers: ['techer'] }] }, /did you mean "teacher"/)
})

test('one way to split and one start a student', () => {
  refusal({ split: {}, folds: { count: 3 } }, /split, folds: give one of the two/)
  refusal({ students: [{ ...tiny, base: 'x' }] }, /name one of teacher_layers, architecture and base/)
  refusal({ students: [{ ...tiny, start: 'general' }] }, /needs the section "general"/)
  refusal({ general: {} }, /general: needs a corpus/)
  refusal({ split: { method: 'temporal' } }, /data\.time_column/)
})

test('folds take the place of a split', () => {
  const config = parse({ folds: { count: 3 } })
  assert.equal(config.split, undefined)
  assert.equal(config.folds?.validation, 0.15)
})

test('the examples are configurations', async () => {
  const folder = join(packageRoot(), 'examples')
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'))
  assert.ok(files.length > 0)
  for (const file of files) assert.ok((await readStudyConfig(join(folder, file))).students.length > 0)
})
