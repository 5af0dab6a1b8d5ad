import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reloader } from '../../src/cli/reloader.js'
import { FamilyInvalid } from '../../src/errors.js'
import type { FamilyGenerations, ReloadReport } from '../../src/serving/family-generations.js'
import { deferred } from '../support/deferred.js'

const REPORT: ReloadReport = { loaded: [], removed: [], refused: [] }

function reloads(reload: FamilyGenerations['reload']) {
  const log: string[] = []
  const write = (level: string) => (_fields: object, message: string) => void log.push(`${level}: ${message}`)
  const parts = {
    modelsDir: 'models',
    metrics: { familyRetired: async () => {} },
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
  }
  return { log, reload: reloader({ served: () => [], reload }, parts) }
}

test('what is asked for during a reload is one more, however often', async () => {
  const ends = [deferred<ReloadReport>(), deferred<ReloadReport>()]
  let begun = 0
  const { log, reload } = reloads(() => ends[begun++]!.promise)
  const first = reload('SIGHUP')
  await Promise.resolve()
  const others = Array.from({ length: 10 }, () => reload('SIGHUP'))
  await Promise.resolve()
  assert.equal(begun, 1)
  ends[0]!.resolve(REPORT)
  await first
  ends[1]!.resolve(REPORT)
  await Promise.all(others)
  assert.equal(begun, 2)
  assert.deepEqual(log, ['info: reloading', 'info: reloaded', 'info: reloading', 'info: reloaded'])
})

test('one that fails is told, and the next one is made', async () => {
  let fails = true
  const { log, reload } = reloads(async () => {
    if (fails) throw new FamilyInvalid('models', 'there is no family in it')
    return REPORT
  })
  await reload('SIGHUP')
  fails = false
  await reload('SIGHUP')
  assert.deepEqual(log.slice(1), [
    'error: reload refused; what was served is served on',
    'info: reloading',
    'info: reloaded',
  ])
})
