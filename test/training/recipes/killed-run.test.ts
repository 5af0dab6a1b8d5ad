/** A training process that dies without warning, as a machine's memory killer or a power cut ends it. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createEngine } from '../../../training/engine/create-engine.js'
import { parseTrainingConfig } from '../../../training/recipes/config.js'
import { smokeCases, smokeCsv } from '../../../training/recipes/smoke-cases.js'
import { trainFamily } from '../../../training/recipes/train-family.js'
import { run, start } from '../../cli/lextier-process.js'

const CONFIG = {
  name: 'killed',
  data: { text_column: 'facts', label_column: 'kind', id_column: 'id' },
  explain: false,
  max_tokens: 32,
  window_overlap: 8,
  bucket_width: 32,
  bootstrap_resamples: 20,
  teacher: {
    architecture: { layers: 1, hidden_size: 32, heads: 2 },
    epochs: 2,
    learning_rate: 3e-3,
    checkpoint_every: 3,
  },
}

test('a run whose process is killed in the middle of an epoch resumes, and ends with the weights of an unbroken one', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-killed-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const [config, data] = [join(folder, 'config.json'), join(folder, 'cases.csv')]
  await writeFile(config, JSON.stringify(CONFIG))
  await writeFile(data, smokeCsv(smokeCases(300, 3)))
  const train = (name: string, ...more: string[]) =>
    ['train', '--config', config, '--data', data, '--out', join(folder, name)].concat(
      ['--device', 'cpu', '--threads', '1'],
      more,
    )

  const victim = start(train('killed'))
  const killed = new Promise<void>((resolve) => {
    victim.child.stdout!.on('data', () => {
      const events = victim.output.stdout.split('\n').filter((line) => line.includes('"type":"step"'))
      if (!events.some((line) => JSON.parse(line).epoch === 2)) return
      victim.child.kill('SIGKILL')
      resolve()
    })
  })
  await Promise.race([killed, victim.finished])
  const { exitCode, stdout } = await victim.finished
  assert.equal(exitCode, null, 'it ended before it could be killed')
  assert.equal(stdout.includes('"type":"family"'), false)

  const resumed = await run(train('killed', '--resume'))
  assert.equal(resumed.exitCode, 0, resumed.stderr)
  const first = JSON.parse(resumed.stdout.split('\n').find((line) => line.includes('"state":"resumed"'))!)
  assert.match(first.detail, /after epoch [12], batch \d+/)
  await trainFamily({
    config: parseTrainingConfig(CONFIG, 'test'),
    dataPath: data,
    outFolder: join(folder, 'unbroken'),
    runFolder: join(folder, 'unbroken.run'),
    resume: false,
    cacheFolder: join(folder, 'cache'),
    engine: await createEngine('cpu', { threads: 1 }),
    versions: {},
    onEvent: () => {},
  })
  const weights = (name: string) => readFile(join(folder, name, 'teacher', 'weights.bin'))
  assert.deepEqual(await weights('killed'), await weights('unbroken'))
})
