import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { folderFingerprint, watchFolder } from '../../src/cli/folder-watch.js'

async function scratch(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-watch-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

test("a folder's fingerprint changes with every file that comes, goes or is written, and with nothing else", async (t) => {
  const folder = await scratch(t)
  const file = join(folder, 'family', 'family.json')
  await mkdir(join(folder, 'family'))
  const seen = [await folderFingerprint(folder)]
  await writeFile(file, '{}')
  seen.push(await folderFingerprint(folder))
  await writeFile(file, '{"a":1}')
  seen.push(await folderFingerprint(folder))
  await utimes(file, 1, 1)
  seen.push(await folderFingerprint(folder))
  assert.equal(new Set(seen).size, seen.length)
  assert.equal(await folderFingerprint(folder), seen.at(-1))
  await rm(file)
  assert.equal(await folderFingerprint(folder), seen[0])
  assert.equal(typeof (await folderFingerprint(join(folder, 'nowhere'))), 'string')
})

test('a change is told once, when it has come to rest', async (t) => {
  const looks = ['old', 'old', 'copying 1', 'copying 2', 'new', 'new', 'new', 'new']
  let looked = 0
  const told: number[] = []
  const end = watchFolder(
    async () => looks[Math.min(looked++, looks.length - 1)]!,
    1,
    async () => void told.push(looked),
  )
  t.after(end)
  while (looked < looks.length + 3) await delay(1)
  // the sixth look is the second that sees the new state
  assert.deepEqual(told, [6])
})
