/** Engines that start together build a variant once: one of them builds, the others wait for its cache entry. */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A build takes seconds; a lock that is older was left by a process that died, perhaps in another container. */
const STALE_MS = 120_000
const POLL_MS = 100

/**
 * Waits until no other process holds the lock, then takes it. Where it cannot be taken for any other reason, nothing is
 * locked: to build twice is a waste and no fault.
 * @param file the lock; holds the process id of its owner
 * @returns gives it back
 */
export async function lockBuild(file: string): Promise<() => Promise<void>> {
  try {
    await mkdir(dirname(file), { recursive: true })
  } catch {
    return async () => {}
  }
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' })
      return () => rm(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return async () => {}
    }
    if (await isStale(file)) await rm(file, { force: true })
    else await delay(POLL_MS)
  }
}

async function isStale(file: string): Promise<boolean> {
  try {
    if (Date.now() - (await stat(file)).mtimeMs > STALE_MS) return true
    const owner = Number(await readFile(file, 'utf8'))
    // empty for the moment between its creation and its writing
    if (owner > 0) process.kill(owner, 0)
    return false
  } catch (error) {
    // ESRCH: the owner is gone. ENOENT: it has just given the lock back.
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
