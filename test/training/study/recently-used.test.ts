import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentlyUsed } from '../../../training/study/recently-used.js'

function recording(budget: number) {
  const made: string[] = []
  const values = new RecentlyUsed<string>(budget, ({ length }) => length)
  const get = (key: string) =>
    values.get(key, async () => {
      made.push(key)
      return key
    })
  return { made, get, values }
}

test('values that fit together are made once, also when they are wanted at the same time', async () => {
  const { made, get } = recording(4)
  await Promise.all([get('aa'), get('aa'), get('bb')])
  for (const key of ['aa', 'bb', 'aa']) assert.equal(await get(key), key)
  assert.deepEqual(made, ['aa', 'bb'])
})

test('what was used longest ago goes first, until the rest fits', async () => {
  const { made, get } = recording(4)
  for (const key of ['a', 'bb', 'a', 'cc', 'a', 'cc', 'bb']) await get(key)
  assert.deepEqual(made, ['a', 'bb', 'cc', 'bb'])
})

test('the value used last stays, however large', async () => {
  const { made, get } = recording(4)
  for (const key of ['a', 'bbbbbb', 'bbbbbb', 'a']) await get(key)
  assert.deepEqual(made, ['a', 'bbbbbb', 'a'])
})

test('what could not be made is tried again', async () => {
  const { values, get } = recording(4)
  await assert.rejects(
    values.get('a', () => Promise.reject(new Error('unreadable'))),
    /unreadable/,
  )
  assert.equal(await get('a'), 'a')
})
