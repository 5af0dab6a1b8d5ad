import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DiskFull, isOutOfSpace } from '../src/errors.js'

const PART = '.part'

/**
 * Writes a file that a reader sees whole or not at all, whoever else writes it at the same time: the last one wins.
 * @throws DiskFull when there is no room for it; the file that was there before is still there
 */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const part = `${file}.${randomUUID()}${PART}`
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(part, content)
  } catch (error) {
    if (!isOutOfSpace(error)) throw error
    await rm(part, { force: true })
    throw new DiskFull(file)
  }
  await rename(part, file)
}

/** Removes what a process that was killed in the middle of writing left behind, from a folder that no other writes to now. */
export async function removeParts(folder: string): Promise<void> {
  const names = await readdir(folder)
  for (const name of names.filter((name) => name.endsWith(PART))) await rm(join(folder, name), { force: true })
}
