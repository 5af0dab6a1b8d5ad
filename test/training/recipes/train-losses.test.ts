/** Families whose students look inside their teacher: the whole way from a configuration to files that are served. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadFamily } from '../../../src/family/load-family.js'
import { createEngine } from '../../../training/engine/create-engine.js'
import { parseTrainingConfig } from '../../../training/recipes/config.js'
import type { TrainingEvent } from '../../../training/recipes/events.js'
import { readSnapshot } from '../../../training/recipes/run-folder.js'
import { smokeCases, smokeCsv } from '../../../training/recipes/smoke-cases.js'
import { trainFamily } from '../../../training/recipes/train-family.js'

let folder: string
let dataPath: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lextier-losses-'))
  dataPath = join(folder, 'cases.csv')
  await writeFile(dataPath, smokeCsv(smokeCases(100, 3)))
})

after(() => rm(folder, { recursive: true, force: true }))

const NARROW = { layers: 1, hidden_size: 16, heads: 1, intermediate_size: 32 }

async function train(
  name: string,
  students: object[],
  { onEvent = () => {}, resume = false }: { onEvent?: (event: TrainingEvent) => void; resume?: boolean } = {},
) {
  const config = parseTrainingConfig(
    {
      name,
      data: { text_column: 'facts', label_column: 'kind', id_column: 'id' },
      explain: false,
      max_tokens: 32,
      window_overlap: 8,
      bucket_width: 32,
      bootstrap_resamples: 20,
      teacher: {
        architecture: { layers: 2, hidden_size: 32, heads: 2, intermediate_size: 64 },
        epochs: 1,
        learning_rate: 3e-3,
      },
      students,
    },
    'test',
  )
  await trainFamily({
    config,
    dataPath,
    outFolder: join(folder, name),
    runFolder: join(folder, `${name}.run`),
    resume,
    cacheFolder: join(folder, 'cache'),
    engine: await createEngine('cpu', { threads: 1 }),
    versions: {},
    onEvent,
  })
  return loadFamily(join(folder, name), { verify: 'hashes' })
}

const LOSSES = {
  soft: {},
  hard: {},
  hidden: { layers: 'uniform' },
  attention: { layers: 'late' },
  relations: { heads: 4 },
  cls: { layers: [[1, 2]] },
}
const STUDENT = { tier: 'fast', architecture: NARROW, losses: LOSSES, epochs: 2, learning_rate: 3e-3 }

test('a narrower student learns from all of its teacher, and its projections stay behind in the checkpoint', async () => {
  const events: TrainingEvent[] = []
  const { manifest } = await train('inside', [STUDENT], { onEvent: (event) => events.push(event) })
  const steps = events.flatMap((event) => (event.type === 'step' && event.stage === 'fast' ? [event] : []))
  for (const { loss, losses } of steps) {
    const { soft, hard, hidden, attention, relations, cls } = losses as Record<string, number>
    const sum = 0.9 * soft! + 0.1 * hard! + hidden! + attention! + relations! + cls!
    assert.ok(Math.abs(sum - loss) < 1e-4 * loss, 'the terms of a step add up to its loss')
  }
  const { method, history } = manifest.tiers[1]!.training
  assert.match(method, /combined distillation \(soft 0\.9 .* relations 1, cls 1 over layers 1-2\)/)
  assert.ok(history!.at(-1)!.trainLoss < history![0]!.trainLoss, 'the weighted sum falls')
  const run = join(folder, 'inside.run', 'fast')
  const names = async (file: string) => Object.keys((await readSnapshot(join(run, file)))!.tensors)
  const projections = ['hidden.0-0', 'hidden.1-2', 'cls.1-2'].map((name) => `p/projection.${name}.weight`)
  assert.deepEqual(
    (await names('last.safetensors')).filter((name) => name.startsWith('p/projection')),
    projections,
  )
  assert.deepEqual(
    (await names('best.safetensors')).filter((name) => name.includes('projection')),
    [],
  )
})

test('a student with a teacher inside that is killed in the middle goes on bit for bit', async () => {
  const student = { ...STUDENT, checkpoint_every: 2 }
  await assert.rejects(
    train('killed', [student], {
      onEvent: (event) => {
        if (event.type === 'step' && event.stage === 'fast' && event.epoch === 2) throw new Error('killed')
      },
    }),
    /killed/,
  )
  await train('killed', [student], { resume: true })
  const weights = (name: string) => readFile(join(folder, name, 'fast', 'weights.bin'))
  assert.deepEqual(await weights('killed'), await weights('inside'))
})

test('a control is fine-tuned on the labels alone: no teacher outputs are made for it', async () => {
  const events: TrainingEvent[] = []
  const student = { tier: 'fast', architecture: NARROW, method: 'control', epochs: 1 }
  const { manifest } = await train('control', [student], { onEvent: (event) => events.push(event) })
  assert.equal(manifest.tiers[1]!.training.method, 'fine-tuning')
  await assert.rejects(readFile(join(folder, 'control.run', 'teacher', 'outputs.safetensors')), { code: 'ENOENT' })
  const index = (found: (event: TrainingEvent) => boolean) => events.findIndex(found)
  const warned = index((event) => event.type === 'warning' && /teacher is not clearly better/.test(event.message))
  const began = index((event) => event.type === 'stage' && event.stage === 'fast')
  assert.ok(warned >= 0 && warned < began, 'a teacher near chance is warned about before its student begins')
})

test('a layer map that does not fit is refused before the teacher is trained, and the folder stays free', async () => {
  const events: TrainingEvent[] = []
  const losses = { hidden: { layers: 'all' } }
  await assert.rejects(
    train('misfit', [{ tier: 'fast', architecture: NARROW, losses }], { onEvent: (event) => events.push(event) }),
    { code: 'INVALID_CONFIGURATION', message: /hidden\.layers: all needs .* What fits: uniform, late/ },
  )
  assert.equal(events.filter(({ type }) => type === 'stage').length, 0)
  await assert.rejects(readFile(join(folder, 'misfit.run', 'config.json')), { code: 'ENOENT' })
})
