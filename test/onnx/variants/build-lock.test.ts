import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { lockBuild } from '../../../src/onnx/variants/build-lock.js'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'build-lock-'))
})
after(() => rm(folder, { recursive: true, force: true }))

test('one holds the lock at a time', async () => {
  const file = join(folder, 'new', 'one.lock')
  let holders = 0
  const hold = async () => {
    const release = await lockBuild(file)
    holders++
    assert.equal(holders, 1)
    for (let i = 0; i < 5; i++) await turn()
    holders--
    await release()
  }
  await Promise.all([hold(), hold(), hold()])
  assert.equal(existsSync(file), false)
})

test('a lock whose owner died, or that is minutes old, is taken over', async () => {
  const dead = join(folder, 'dead.lock')
  await writeFile(dead, String(spawnSync('true').pid))
  await (await lockBuild(dead))()
  const old = join(folder, 'old.lock')
  await writeFile(old, String(process.pid))
  const past = new Date(Date.now() - 10 * 60_000)
  await utimes(old, past, past)
  await (await lockBuild(old))()
  assert.equal(existsSync(old), false)
})

test('where nothing can be written nothing is locked', async () => {
  await writeFile(join(folder, 'a-file'), '')
  const release = await lockBuild(join(folder, 'a-file', 'x.lock'))
  await release()
})
