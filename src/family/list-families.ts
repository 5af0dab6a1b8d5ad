import { access, readdir } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { FamilyInvalid } from '../errors.js'
import { type Family, type LoadOptions, loadFamily } from './load-family.js'
import { MANIFEST_FILE } from './manifest.js'

/** A folder that looks like a family and cannot be used. */
export interface BrokenFamily {
  /** absolute */
  readonly dir: string
  /** the folder's name: the family that would be there */
  readonly name: string
  /** a sentence: which file, what is wrong */
  readonly reason: string
}

export interface FamilyListing {
  /** by name */
  readonly families: readonly Family[]
  readonly broken: readonly BrokenFamily[]
}

/** A folder with one of these is meant to be a family: without its family.json it is a broken one, not an unrelated folder. */
const TRACES = ['tokenizer.json', 'card.md']
/** `lextier train --out models/NAME` keeps its run, with a tokenizer of its own, in models/NAME.run. */
const RUN_LOG = 'events.ndjson'

/**
 * Loads every subfolder that is meant to be a family, or the folder itself where it is one; hidden folders and those of
 * training runs are passed over.
 * A broken family is reported beside the good ones, and of two with the same name the second (in the order of the folders'
 * names) is broken.
 * @throws FamilyInvalid when the models folder itself cannot be read
 */
export async function listFamilies(modelsDir: string, options: LoadOptions): Promise<FamilyListing> {
  const root = resolve(modelsDir)
  const entries = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    throw new FamilyInvalid(root, `the models folder cannot be read (${error.code ?? error.message})`)
  })
  const families: Family[] = []
  const broken: BrokenFamily[] = []
  const folders = entries.includes(MANIFEST_FILE) ? [root] : visible(entries).map((entry) => join(root, entry))
  for (const dir of folders) {
    if (!(await isMeantAsFamily(dir))) continue
    try {
      const family = await loadFamily(dir, options)
      const twin = families.find(({ manifest }) => manifest.name === family.manifest.name)
      if (twin) throw new FamilyInvalid(dir, `"${twin.manifest.name}" is also the name of ${basename(twin.dir)}`)
      families.push(family)
    } catch (error) {
      // whatever is wrong with one folder, a full disk or a missing permission too, must not hide the others
      const reason = error instanceof Error ? error.message : String(error)
      // shown to whoever asks for readiness: where the models lie on this machine is nobody's business
      broken.push({ dir, name: basename(dir), reason: reason.replaceAll(`${dirname(dir)}${sep}`, '') })
    }
  }
  families.sort((a, b) => (a.manifest.name < b.manifest.name ? -1 : 1))
  return { families, broken }
}

/** An export that was cut short leaves a hidden folder. */
function visible(entries: readonly string[]): string[] {
  return entries.filter((entry) => !entry.startsWith('.')).sort()
}

async function isMeantAsFamily(dir: string): Promise<boolean> {
  if (await exists(join(dir, MANIFEST_FILE))) return true
  if (await exists(join(dir, RUN_LOG))) return false
  const found = await Promise.all(TRACES.map((file) => exists(join(dir, file))))
  return found.includes(true)
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
