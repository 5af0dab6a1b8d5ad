import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DiskFull, isOutOfSpace } from '../src/errors.js'

/**
 * Writes a file that a reader sees whole or not at all.
 * @throws DiskFull when there is no room for it; the file that was there before is still there
 */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const part = `${file}.part`
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
