/**
 * Watches a folder by looking at it: file events do not come from network file systems, nor from the way in which
 * Kubernetes exchanges mounted folders.
 */
import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** @returns changes when a file of the folder or below comes, goes, or changes its size or time */
export async function folderFingerprint(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true }).catch(() => [])
  const lines = await Promise.all(
    entries.sort().map(async (entry) => {
      // links are followed: an exchange of folders behind a link is a change
      const found = await stat(join(folder, entry)).catch(() => undefined)
      return found?.isFile() ? `${entry}\0${found.ino}\0${found.size}\0${found.mtimeMs}` : entry
    }),
  )
  return createHash('sha256').update(lines.join('\n')).digest('hex')
}

/**
 * Calls `changed` once for every change, when two looks in a row have seen the same: a copy that is under way is not a
 * new state.
 * @param look folderFingerprint of the folder
 * @returns ends the watching
 */
export function watchFolder(look: () => Promise<string>, intervalMs: number, changed: () => Promise<void>): () => void {
  let known: string | undefined
  let last: string | undefined
  let timer: NodeJS.Timeout | undefined
  let ended = false
  const turn = async () => {
    const seen = await look()
    known ??= seen
    if (seen !== known && seen === last) {
      known = seen
      await changed()
    }
    last = seen
    if (!ended) timer = setTimeout(turn, intervalMs).unref()
  }
  void turn()
  return () => {
    ended = true
    clearTimeout(timer)
  }
}
