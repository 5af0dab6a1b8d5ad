import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProgramCache } from '../../../training/engine/program-cache.js'
import { serially } from '../../../training/engine/serial.js'

function recording(capacity: number) {
  const log: string[] = []
  const cache = new ProgramCache<{ key: string; release(): Promise<void> }>(capacity)
  const get = (key: string) =>
    cache.get(key, async () => {
      log.push(`compile ${key}`)
      return { key, release: async () => void log.push(`release ${key}`) }
    })
  return { log, cache, get }
}

test('a program is compiled once while it is kept', async () => {
  const { log, get } = recording(2)
  assert.equal(await get('a'), await get('a'))
  assert.deepEqual(log, ['compile a'])
})

test('the least recently used program makes room before a new one is compiled', async () => {
  const { log, get } = recording(2)
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await get(key)
  assert.deepEqual(log, ['compile a', 'compile b', 'release b', 'compile c', 'release c', 'compile b'])
})

test('a cleared cache has released everything and compiles anew', async () => {
  const { log, cache, get } = recording(3)
  await get('a')
  await cache.clear()
  await get('a')
  assert.deepEqual(log, ['compile a', 'release a', 'compile a'])
})

test('serial work runs one at a time in the order of the calls, also after a failure', async () => {
  const oneAtATime = serially()
  const log: string[] = []
  const work = (name: string, turns: number, fails = false) =>
    oneAtATime(async () => {
      log.push(`${name} starts`)
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      if (fails) throw new Error(name)
      log.push(`${name} ends`)
    })
  const results = await Promise.allSettled([work('a', 5), work('b', 1, true), work('c', 0)])
  assert.deepEqual(log, ['a starts', 'a ends', 'b starts', 'c starts', 'c ends'])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
})
