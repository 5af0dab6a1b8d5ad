import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { extname } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { fromSharedMs, toSharedMs } from '../../../src/serving/remote/shared-clock.js'

test('two processes agree on what time it is', async () => {
  const module = new URL(`../../../src/serving/remote/shared-clock${extname(import.meta.url)}`, import.meta.url).href
  const source = `const { toSharedMs } = await import(${JSON.stringify(module)}); console.log(toSharedMs(performance.now()))`
  const beforeMs = performance.now()
  const options = ['--import', 'tsx', '--input-type=module', '--eval', source]
  const { stdout } = await promisify(execFile)(process.execPath, options)
  const itsMs = fromSharedMs(Number(stdout))
  // the process ran between these two, and no clock of it began when this one's did
  assert.ok(itsMs > beforeMs && itsMs < performance.now(), `${beforeMs} < ${itsMs} < ${performance.now()}`)
})

test('a moment comes back as it went', () => {
  const nowMs = performance.now()
  assert.ok(Math.abs(fromSharedMs(toSharedMs(nowMs)) - nowMs) < 0.001)
})
