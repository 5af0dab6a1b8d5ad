/** New versions of the families under a running server: the same weights, another description, so another version. */
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MANIFEST_FILE } from '../../src/family/manifest.js'

const POLL_MS = 100
const RELOAD_TIMEOUT_MS = 180_000

export interface ModelsCopy {
  readonly folder: string
  /** gives the family a new version, in one move */
  change(family: string): Promise<void>
  remove(): Promise<void>
}

/** @param models folder of families, which is left as it is */
export async function copyModels(models: string): Promise<ModelsCopy> {
  const scratch = await mkdtemp(join(tmpdir(), 'lextier-soak-'))
  const folder = join(scratch, 'models')
  await cp(models, folder, { recursive: true, dereference: true })
  let changes = 0
  return {
    folder,
    async change(family) {
      const file = join(folder, family, MANIFEST_FILE)
      const manifest = JSON.parse(await readFile(file, 'utf8')) as { description: string }
      const description = `${manifest.description.replace(/ \(change \d+\)$/, '')} (change ${++changes})`
      const next = join(scratch, MANIFEST_FILE)
      await writeFile(next, `${JSON.stringify({ ...manifest, description }, null, 2)}\n`)
      await rename(next, file)
    },
    remove: () => rm(scratch, { recursive: true, force: true }),
  }
}

interface Listed {
  readonly families: readonly { readonly name: string; readonly version: string }[]
}

export async function servedVersion(origin: string, family: string): Promise<string | undefined> {
  const { families } = (await (await fetch(`${origin}/v1/families`)).json()) as Listed
  return families.find(({ name }) => name === family)?.version
}

/**
 * Changes the family and tells the server.
 * @returns ms until the new version answered; undefined when it did not in three minutes
 */
export async function reload(
  server: { readonly origin: string; readonly pid: number },
  models: ModelsCopy,
  family: string,
): Promise<number | undefined> {
  const before = await servedVersion(server.origin, family)
  await models.change(family)
  const startMs = performance.now()
  process.kill(server.pid, 'SIGHUP')
  while (performance.now() < startMs + RELOAD_TIMEOUT_MS) {
    await sleep(POLL_MS)
    if ((await servedVersion(server.origin, family)) !== before) return performance.now() - startMs
  }
  return undefined
}
