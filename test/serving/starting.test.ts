import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findGpuDevices } from '../../src/onnx/gpu-devices.js'
import { runClassifier, scratchFolder } from '../support/running-classifier.js'
import { writeTinyFamily } from '../support/tiny-family.js'

const folders: ReturnType<typeof scratchFolder>[] = []
after(() => {
  for (const folder of folders) folder.remove()
})
const newFolder = () => {
  const folder = scratchFolder()
  folders.push(folder)
  return folder.dir
}

test('a broken family is named and does not stop the others', async () => {
  const good = await writeTinyFamily(newFolder(), { name: 'good' })
  const corrupt = await writeTinyFamily(newFolder(), { name: 'corrupt' })
  writeFileSync(corrupt.paths.tiers.balanced!.model, 'not a model')
  const wordless = await writeTinyFamily(newFolder(), { name: 'wordless' })
  writeFileSync(wordless.paths.tokenizer, '{}')
  const { classifier, classify, until, log } = await runClassifier({
    families: [good, corrupt, wordless],
    broken: [{ dir: join('models', 'altered'), name: 'altered', reason: 'weights.bin is not the file described' }],
    provider: 'cpu',
    engines: 1,
    threads: 1,
  })
  await until(() => log.some(({ message }) => message === 'engine ready'), 'the engine')
  const { ready, reasons } = classifier.readiness()
  assert.equal(ready, false)
  for (const reason of [/"altered".*weights\.bin/, /"wordless".*tokenizer\.json/, /"corrupt", tier "balanced"/]) {
    assert.ok(
      reasons.some((found) => reason.test(found)),
      `${reason} in ${reasons}`,
    )
  }
  assert.equal((await classify({ family: 'good' })).family, 'good')
  await assert.rejects(classify({ family: 'altered' }), { code: 'NOT_READY' })
  await assert.rejects(classify({ family: 'wordless' }), { code: 'NOT_READY' })
  await assert.rejects(classify({ family: 'corrupt' }), { code: 'NOT_READY', message: /balanced/ })
  assert.equal((await classify({ family: 'corrupt', tier: 'fast' })).tier, 'fast')
  await classifier.drain()
})

test('a provider that is not here is named, the API stays up and not ready', {
  skip: findGpuDevices().nvidia && 'this machine has an NVIDIA GPU',
}, async () => {
  const family = await writeTinyFamily(newFolder())
  const { classifier, classify, until } = await runClassifier({ families: [family], provider: 'cuda' })
  await until(
    () => classifier.families()[0]!.reasons.every((reason) => !reason.includes('being loaded')),
    'the failure',
  )
  const { ready, reasons } = classifier.readiness()
  assert.equal(ready, false)
  assert.match(reasons.join('\n'), /PROVIDER_UNAVAILABLE.*cuda/)
  await assert.rejects(classify(), { code: 'NOT_READY' })
  await classifier.drain()
})

test('auto says what it chose and what it left out', async () => {
  const family = await writeTinyFamily(newFolder())
  const { classifier, classify, ready, log } = await runClassifier({ families: [family], provider: 'auto' })
  await ready()
  const { provider } = await classify()
  const chosen = log.find(({ fields, message }) => message.startsWith('provider ') && fields.requested === 'auto')
  assert.equal(chosen?.fields.provider, provider)
  if (provider === 'cpu') {
    assert.ok(log.some(({ message }) => message.includes('left out cuda') || message.includes('cuda is not used')))
  }
  await classifier.drain()
})

test('an unknown default family is refused at the start', async () => {
  const family = await writeTinyFamily(newFolder())
  await assert.rejects(runClassifier({ families: [family], provider: 'cpu', defaultFamily: 'none' }), {
    code: 'INVALID_CONFIGURATION',
    message: /none.*tiny/,
  })
})
