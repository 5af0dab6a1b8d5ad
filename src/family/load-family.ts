/** A family folder, opened and checked: what is served is what was exported, byte for byte. */
import { readFile, realpath, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { FamilyFileAltered, FamilyInvalid } from '../errors.js'
import type { FamilyManifest, TierName } from './family-schema.js'
import { sha256, sha256OfFile } from './file-hash.js'
import { MANIFEST_FILE, parseManifest } from './manifest.js'

/** Absolute paths of one tier's files. */
export interface TierPaths {
  readonly model: string
  readonly weights: string
  /** undefined for a tier that was exported without */
  readonly explain?: string
}

export interface Family {
  readonly manifest: FamilyManifest
  /** `sha256:` and the hash of family.json, which holds the hash of every other file */
  readonly version: string
  /** absolute */
  readonly dir: string
  readonly paths: {
    readonly manifest: string
    readonly tokenizer: string
    /** of the tiers that the manifest has */
    readonly tiers: Readonly<Partial<Record<TierName, TierPaths>>>
  }
}

export interface LoadOptions {
  /** hashes reads every byte; sizes only looks (for a folder whose hashes this process has checked already) */
  readonly verify: 'hashes' | 'sizes'
}

/**
 * @throws FamilyInvalid when the folder or its manifest is not readable or not consistent, or a file is missing or leads
 *   out of the folder; FamilyFileAltered when a file is not the one that the manifest describes
 */
export async function loadFamily(dir: string, options: LoadOptions): Promise<Family> {
  const folder = resolve(dir)
  const manifestFile = join(folder, MANIFEST_FILE)
  const bytes = await readFile(manifestFile).catch((error: NodeJS.ErrnoException) => {
    throw new FamilyInvalid(folder, `${MANIFEST_FILE} cannot be read (${error.code ?? error.message})`)
  })
  const manifest = parseManifest(bytes.toString('utf8'), folder)
  const tokenizer = join(folder, manifest.tokenizer.file)
  const tiers: Partial<Record<TierName, TierPaths>> = {}
  const expected: ExpectedFile[] = [{ ...manifest.tokenizer, file: tokenizer }]
  for (const { tier, files } of manifest.tiers) {
    const paths = { model: join(folder, tier, 'model.onnx'), weights: join(folder, tier, 'weights.bin') }
    expected.push({ ...files['model.onnx'], file: paths.model }, { ...files['weights.bin'], file: paths.weights })
    const explain = join(folder, tier, 'explain.onnx')
    if (files['explain.onnx']) expected.push({ ...files['explain.onnx'], file: explain })
    tiers[tier] = files['explain.onnx'] ? { ...paths, explain } : paths
  }
  const root = await realpath(folder)
  for (const file of expected) await checkFile(folder, root, file, options.verify)
  return {
    manifest,
    version: `sha256:${sha256(bytes)}`,
    dir: folder,
    paths: { manifest: manifestFile, tokenizer, tiers },
  }
}

/** @returns a tier's paths, which a loaded family has for every tier of its manifest */
export function tierPaths(family: Family, tier: TierName): TierPaths {
  const paths = family.paths.tiers[tier]
  if (!paths) throw new FamilyInvalid(family.dir, `there is no tier "${tier}"`)
  return paths
}

interface ExpectedFile {
  readonly file: string
  readonly sha256: string
  readonly bytes: number
}

async function checkFile(folder: string, root: string, expected: ExpectedFile, verify: LoadOptions['verify']) {
  const shown = expected.file.slice(folder.length + 1)
  let real: string
  try {
    real = await realpath(expected.file)
  } catch (error) {
    throw new FamilyInvalid(
      folder,
      `${shown} is missing (${(error as NodeJS.ErrnoException).code}); restore it or export the family again`,
    )
  }
  if (!real.startsWith(root + sep)) {
    throw new FamilyInvalid(folder, `${shown} is a link out of the folder; put the file itself there`)
  }
  const found = await stat(real)
  if (!found.isFile()) throw new FamilyInvalid(folder, `${shown} is not a file`)
  if (found.size !== expected.bytes) {
    throw new FamilyFileAltered(expected.file, `${expected.bytes} bytes`, `${found.size} bytes`)
  }
  if (verify === 'sizes') return
  const hash = await sha256OfFile(real)
  if (hash !== expected.sha256) throw new FamilyFileAltered(expected.file, `sha256 ${expected.sha256}`, hash)
}
