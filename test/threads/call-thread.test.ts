import assert from 'node:assert/strict'
import { getPriority, platform } from 'node:os'
import { after, test } from 'node:test'
import { CallThread, threadEntry } from '../../src/threads/call-thread.js'

interface Counted {
  readonly name: string
  readonly calls: number
  readonly niceness: number
  readonly bytes: Uint8Array
}

const thread = new CallThread<{ bytes: Uint8Array; waitMs?: number }, Counted>(
  threadEntry(import.meta.url, 'counting-worker'),
  'counter',
)
after(() => thread.close())

test('calls run on one thread and each gets its own answer, whichever is ready first', async () => {
  const slow = thread.call({ bytes: Uint8Array.of(1), waitMs: 50 })
  const quick = thread.call({ bytes: Uint8Array.of(10) })
  const first = await Promise.race([slow, quick])
  assert.deepEqual([...first.bytes], [11])
  assert.deepEqual([...(await slow).bytes], [2])
  assert.deepEqual([(await slow).name, (await quick).calls], ['counter', 2])
})

test('memory that is handed over is not copied', async () => {
  const bytes = Uint8Array.of(1, 2, 3)
  const answer = await thread.call({ bytes }, [bytes.buffer])
  assert.equal(bytes.length, 0)
  assert.deepEqual([...answer.bytes], [2, 3, 4])
})

test('what a thread throws stays there: the caller hears that work failed, and the thread goes on', async () => {
  await assert.rejects(thread.call({ bytes: new Uint8Array() }), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'INTERNAL')
    assert.doesNotMatch(error.message, /secret/)
    return true
  })
  assert.deepEqual([...(await thread.call({ bytes: Uint8Array.of(4) })).bytes], [5])
})

test('a thread that ends fails what it had, and the next call starts another', async () => {
  const waiting = assert.rejects(thread.call({ bytes: Uint8Array.of(7), waitMs: 10_000 }), { code: 'INTERNAL' })
  await assert.rejects(thread.call({ bytes: Uint8Array.of(255) }), { code: 'INTERNAL' })
  await waiting
  assert.equal((await thread.call({ bytes: Uint8Array.of(8) })).calls, 1)
})

test('work on a thread yields to the event loop', {
  skip: platform() !== 'linux' && 'threads share a priority',
}, async () => {
  const own = getPriority(0)
  const { niceness } = await thread.call({ bytes: Uint8Array.of(1) })
  assert.equal(niceness, Math.max(own, 5))
  assert.equal(getPriority(0), own)
})
