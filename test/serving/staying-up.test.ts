import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { restartDelayMs } from '../../src/serving/engine-pool.js'
import { runClassifier, scratchFolder, serveTinyFamily } from '../support/running-classifier.js'
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
const alive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('an engine killed under load fails no request, is restarted, and readiness tells', async () => {
  let restarts = 0
  const { classifier, classify, ready, until, enginePids } = await serveTinyFamily(newFolder(), {
    observer: {
      answered: () => {},
      rejected: () => {},
      batch: () => {},
      queueDepth: () => {},
      engineRestarted: () => void restarts++,
      familyReady: () => {},
    },
  })
  await ready()
  let stop = false
  let answers = 0
  const caller = async () => {
    while (!stop) {
      await classify({ tier: 'teacher' })
      answers++
    }
  }
  const callers = Array.from({ length: 16 }, caller)
  await until(() => answers > 50, 'load')
  process.kill(enginePids()[0]!, 'SIGKILL')
  await until(() => !classifier.readiness().ready, 'the death to be noticed')
  assert.match(classifier.readiness().reasons.join(), /signal SIGKILL/)
  await ready()
  const before = answers
  await until(() => answers > before + 50, 'answers from the new engine')
  stop = true
  await Promise.all(callers)
  assert.equal(restarts, 1)
  assert.equal(enginePids().length, 2)
  await classifier.drain()
})

test('draining refuses new work, answers what was accepted and ends the engines', async () => {
  const { classifier, classify, ready, enginePids } = await serveTinyFamily(newFolder())
  await ready()
  const accepted = Array.from({ length: 40 }, () => classify({ texts: ['the court '.repeat(500)] }))
  const drained = classifier.drain()
  await assert.rejects(classify(), { code: 'DRAINING' })
  assert.deepEqual(classifier.readiness().draining, true)
  const results = await Promise.all(accepted)
  assert.equal(results.length, 40)
  await drained
  assert.deepEqual(enginePids().filter(alive), [])
})

test('overload is answered at once with a time to come again, and every accepted request is answered', async () => {
  const { classifier, classify, ready } = await serveTinyFamily(newFolder(), { maxQueue: 8 })
  await ready()
  const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => classify({ tier: 'teacher' })))
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.ok(refused.length > 0 && refused.length < 200)
  for (const { reason } of refused) {
    assert.equal(reason.code, 'OVERLOADED')
    assert.ok(reason.retryAfterSeconds >= 1)
  }
  await classify()
  await classifier.drain()
})

test('a caller that goes away is let go at once and its work never runs', async () => {
  const ran: number[] = []
  const { classifier, classify, ready } = await serveTinyFamily(newFolder(), {
    maxBatchTokens: 64,
    observer: {
      answered: () => {},
      rejected: () => {},
      batch: ({ size }) => void ran.push(size),
      queueDepth: () => {},
      engineRestarted: () => {},
      familyReady: () => {},
    },
  })
  await ready()
  const caller = new AbortController()
  const abandoned = classify({ texts: ['the court '.repeat(20_000)], signal: caller.signal })
  const rejection = assert.rejects(abandoned, { code: 'REQUEST_ABORTED' })
  await delay(100)
  caller.abort()
  await rejection
  const atAbort = ran.length
  await classify()
  // one batch may have been running, one is the request just made
  assert.ok(ran.length <= atAbort + 2, `${ran.length - atAbort} batches ran after the abort`)
  await classifier.drain()
})

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
  skip: process.platform !== 'linux',
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

test('an engine is restarted at once, then ever more patiently, within half a minute', () => {
  const delays = Array.from({ length: 12 }, (_, index) => restartDelayMs(index + 1))
  assert.equal(delays[0], 0)
  for (let index = 1; index < delays.length; index++) assert.ok(delays[index]! >= delays[index - 1]!)
  assert.equal(delays.at(-1), 30_000)
})
