import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { defaultFamily } from '../../src/config/default-family.js'
import type { Family } from '../../src/family/load-family.js'
import type { RequestedProvider } from '../../src/serving/classifier-options.js'
import { FamilyGenerations } from '../../src/serving/family-generations.js'
import type { Classifier, ClassifyRequest, ClassifyResult, FamilyStatus, Readiness } from '../../src/serving/types.js'
import { deferred } from '../support/deferred.js'

/** What the next generations' families do when they load; by version. */
const FAILS = 'sha256:fails'

class ScriptedClassifier implements Classifier {
  starting = true
  drained = false
  readonly unanswered: (() => void)[] = []

  constructor(
    readonly loaded: readonly Family[],
    readonly provider: RequestedProvider | undefined,
  ) {}

  async classify({ family }: ClassifyRequest): Promise<ClassifyResult> {
    assert.ok(!this.drained, 'asked after it was drained')
    assert.ok(!this.starting, 'asked before it was warm')
    const { version } = this.loaded.find(({ manifest }) => manifest.name === family)!
    await new Promise<void>((resolve) => this.unanswered.push(resolve))
    return { family, version } as ClassifyResult
  }

  families(): FamilyStatus[] {
    return this.loaded.map(({ manifest, version }) => {
      const ready = !this.starting && version !== FAILS
      const reasons = ready ? [] : [`family "${manifest.name}", tier "fast": cannot be loaded`]
      const tiers = [
        { tier: 'fast' as const, ready, provider: 'cpu', variant: 'portable' as const, latencyProfile: [] },
      ]
      return { family: manifest.name, version, ready, reasons, tiers }
    })
  }

  readiness(): Readiness {
    const reasons = this.families().flatMap((family) => family.reasons)
    return { ready: reasons.length === 0, draining: this.drained, reasons, starting: this.starting }
  }

  async drain() {
    this.drained = true
  }
}

const family = (name: string, version: string) =>
  ({ manifest: { name }, version, dir: `/models/${name}` }) as unknown as Family
const broken = (name: string) => ({ dir: `/models/${name}`, name, reason: 'weights.bin is missing' })
const listing = (families: Family[], names: string[] = []) => ({ families, broken: names.map(broken) })
const silent = { debug() {}, info() {}, warn() {}, error() {} }

let started: ScriptedClassifier[]
let generations: FamilyGenerations
/** generations after the first become warm at once, unless a test holds them back */
let warm: Promise<void>

beforeEach(async () => {
  started = []
  warm = Promise.resolve()
  generations = await FamilyGenerations.start(listing([family('a', 'a1'), family('b', 'b1')]), {
    async start(families, provider) {
      const classifier = new ScriptedClassifier(families, provider)
      started.push(classifier)
      void warm.then(() => {
        classifier.starting = false
      })
      return classifier
    },
    defaultFamily: (names) => defaultFamily(names, names.includes('pinned') ? 'pinned' : undefined),
    log: silent,
  })
  await warm
})

const ask = (name: string) => generations.classify({ family: name } as ClassifyRequest)
const versions = () => generations.served().map(({ version }) => version)
const reload = (families: Family[], names: string[] = []) => generations.reload(async () => listing(families, names))
async function answer(name: string): Promise<string> {
  const asked = ask(name)
  for (const { unanswered } of started) for (const release of unanswered.splice(0)) release()
  return (await asked).version
}

test('the old version answers until the new one is warm, and finishes what it accepted', async () => {
  const gate = deferred<void>()
  warm = gate.promise
  const reloading = reload([family('a', 'a2'), family('b', 'b1')])
  const accepted = ask('a')
  await new Promise(setImmediate)
  assert.equal(await answer('a'), 'a1')
  assert.equal((await accepted).version, 'a1')
  const late = ask('a')
  gate.resolve()
  assert.deepEqual(await reloading, { loaded: ['a'], removed: [], refused: [] })
  assert.equal(await answer('a'), 'a2')
  started[0]!.unanswered.splice(0).forEach((release) => {
    release()
  })
  assert.equal((await late).version, 'a1')
  assert.equal(started[0]!.drained, true)
  assert.equal(started[1]!.provider, 'cpu', 'a reload keeps the provider')
  assert.equal(generations.readiness().ready, true)
})

test('a version that cannot be read from disk is refused, and the old one serves on beside the new of others', async () => {
  assert.deepEqual(await reload([family('b', 'b2')], ['a']), { loaded: ['b'], removed: [], refused: ['a'] })
  assert.deepEqual([await answer('a'), await answer('b')], ['a1', 'b2'])
  assert.deepEqual(generations.refused(), [broken('a')])
  assert.equal(started[0]!.drained, false)
  assert.equal(generations.readiness().ready, true)
  await reload([family('a', 'a3'), family('b', 'b2')])
  assert.deepEqual([await answer('a'), await answer('b')], ['a3', 'b2'])
  assert.deepEqual(generations.refused(), [])
  assert.ok(started[0]!.drained && started[1]!.drained && !started[2]!.drained)
})

test('a version that its engines cannot load is refused with the reason, and its engines end', async () => {
  const report = await reload([family('a', FAILS), family('b', 'b1')])
  assert.deepEqual(report.refused, ['a'])
  assert.match(generations.refused()[0]!.reason, /tier "fast": cannot be loaded/)
  assert.deepEqual([await answer('a'), await answer('b')], ['a1', 'b1'])
  assert.equal(generations.readiness().ready, true)
  await reload([family('a', FAILS)])
  assert.deepEqual(versions(), ['a1'])
})

test('what has not changed starts nothing', async () => {
  assert.deepEqual(await reload([family('a', 'a1'), family('b', 'b1')]), { loaded: [], removed: [], refused: [] })
  assert.deepEqual(await reload([family('a', 'a1')], ['b']), { loaded: [], removed: [], refused: ['b'] })
  assert.equal(started.length, 1)
})

test('a family whose folder is gone leaves, a new one comes, and a new broken one leaves the server ready', async () => {
  const report = await reload([family('b', 'b1'), family('c', 'c1')], ['d'])
  assert.deepEqual(report, { loaded: ['c'], removed: ['a'], refused: ['d'] })
  await assert.rejects(ask('a'), { code: 'FAMILY_NOT_FOUND' })
  await assert.rejects(ask('d'), { code: 'NOT_READY' })
  assert.equal(await answer('c'), 'c1')
  assert.equal(generations.readiness().ready, true)
})

test('the last family never leaves', async () => {
  await reload([])
  assert.deepEqual(versions(), ['a1', 'b1'])
  await assert.rejects(
    generations.reload(() => Promise.reject(new Error('the models folder cannot be read'))),
    /cannot be read/,
  )
  assert.equal(await answer('a'), 'a1')
})

test('a reload waits for the one before it', async () => {
  const order: string[] = []
  const gate = deferred<void>()
  warm = gate.promise
  const both = ['first', 'second'].map((name, i) =>
    generations.reload(async () => {
      order.push(name)
      return listing([family('a', `a${i + 2}`)])
    }),
  )
  await new Promise(setImmediate)
  assert.deepEqual(order, ['first'])
  gate.resolve()
  await Promise.all(both)
  assert.equal(await answer('a'), 'a3')
})

test('a shutdown during a reload ends both generations', async () => {
  warm = new Promise(() => {})
  const reloading = reload([family('a', 'a2')])
  reloading.catch(() => {})
  await new Promise(setImmediate)
  await generations.drain()
  await assert.rejects(reloading, { code: 'DRAINING' })
  assert.deepEqual(
    started.map(({ drained }) => drained),
    [true, true],
  )
})
