/** Writes a family folder: everything into a temporary folder beside the target, checked there, then renamed. */
import { randomUUID } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { FamilyInvalid } from '../../src/errors.js'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { FAMILY_FORMAT_VERSION, type FamilyManifest, type TierManifest } from '../../src/family/family-schema.js'
import { sha256 } from '../../src/family/file-hash.js'
import { type Family, loadFamily } from '../../src/family/load-family.js'
import { MANIFEST_FILE, parseManifest } from '../../src/family/manifest.js'
import { parameterCount } from '../../src/family/parameters.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { openEncoder } from '../../src/onnx/encoder-session.js'
import { EXPLAIN_FILE } from '../../src/onnx/explain-session.js'
import { DEFAULT_TOLERANCE, enforceParity, measureParity, type ParityReference } from '../../src/onnx/parity.js'
import { buildPortableModel, MODEL_FILE, WEIGHTS_FILE } from '../../src/onnx/portable-model.js'
import type { Precision } from '../../src/onnx/stored-weights.js'
import { CARD_FILE, renderCard } from './card.js'
import { writeExplainFile } from './explain-tier.js'
import { servingTokenizer } from './tokenizer-file.js'

/** One tier: trained parameters and what was measured of them. */
export interface TierExport
  extends Pick<TierManifest, 'tier' | 'architecture' | 'calibration' | 'quality' | 'training'>,
    Partial<Pick<TierManifest, 'teacherAgreement' | 'teacherDivergence'>> {
  readonly config: EncoderConfig
  readonly parameters: HostTensors
  readonly precision: Precision
  /** real texts and the trained parameters' logits on them */
  readonly parity: ParityReference
}

export interface FamilyExport
  extends Pick<
    FamilyManifest,
    'name' | 'description' | 'labels' | 'maxTokens' | 'windowOverlap' | 'majority' | 'data' | 'config' | 'versions'
  > {
  /** a tokenizer.json of the `tokenizers` library */
  readonly tokenizerFile: string
  /** most accurate first */
  readonly tiers: readonly TierExport[]
  /** whether each tier gets an explain.onnx; false by default */
  readonly explain?: boolean
  /** default: now */
  readonly createdAt?: Date
}

/**
 * Exports a family to `outDir`, replacing a family that is there.
 * @returns the family, loaded back with every hash checked
 * @throws ParityFailed when an exported model strays from its parameters; FamilyInvalid when the manifest contradicts
 *   itself, the tokenizer does not fit, or outDir holds something that is not a family. Nothing is left behind then.
 */
export async function exportFamily(outDir: string, family: FamilyExport): Promise<Family> {
  const target = resolve(outDir)
  await refuseForeignFolder(target)
  const staging = hiddenSibling(target, 'partial')
  await mkdir(staging, { recursive: true })
  try {
    const tokenizer = servingTokenizer(await readFile(family.tokenizerFile, 'utf8'), family)
    await writeFile(join(staging, 'tokenizer.json'), tokenizer)
    const tiers: TierManifest[] = []
    for (const tier of family.tiers) tiers.push(await exportTier(staging, tier, family.explain ?? false))
    const { name, description, labels, maxTokens, windowOverlap, majority, data, config, versions } = family
    const manifest: FamilyManifest = {
      formatVersion: FAMILY_FORMAT_VERSION,
      name,
      description,
      labels,
      tokenizer: { file: 'tokenizer.json', sha256: sha256(tokenizer), bytes: Buffer.byteLength(tokenizer) },
      maxTokens,
      windowOverlap,
      tiers,
      majority,
      data,
      config,
      versions,
      createdAt: (family.createdAt ?? new Date()).toISOString(),
    }
    const text = `${JSON.stringify(manifest, null, 2)}\n`
    parseManifest(text, target)
    await writeFile(join(staging, MANIFEST_FILE), text)
    await writeFile(join(staging, CARD_FILE), renderCard(manifest))
    await loadFamily(staging, { verify: 'hashes' })
    await replaceFolder(staging, target)
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    throw error
  }
  return loadFamily(target, { verify: 'sizes' })
}

/** Writes `<folder>/<tier>/model.onnx` and its companions, and measures them against the trained parameters. */
async function exportTier(folder: string, tier: TierExport, explain: boolean): Promise<TierManifest> {
  const { config, parameters, precision, parity: reference, ...measured } = tier
  const tierFolder = join(folder, tier.tier)
  const files = await writeTierFiles(tierFolder, config, parameters, precision)
  const session = await openEncoder(join(tierFolder, MODEL_FILE), config, { provider: 'cpu' })
  try {
    const parity = await measureParity(session, reference, reference.tolerance ?? DEFAULT_TOLERANCE[precision])
    enforceParity(parity, `tier "${tier.tier}"`)
    const manifest = { ...measured, config, parameters: parameterCount(config), precision, files, parity }
    if (!explain) return manifest
    const { file, check } = await writeExplainFile(tierFolder, tier, reference.sequences)
    return { ...manifest, files: { ...files, [EXPLAIN_FILE]: file }, explain: check }
  } finally {
    await session.release()
  }
}

/** Writes a tier's two files, e.g. to measure what a precision costs before choosing it. @returns their hashes and sizes */
export async function writeTierFiles(
  folder: string,
  config: EncoderConfig,
  parameters: HostTensors,
  precision: Precision,
): Promise<TierManifest['files']> {
  const { model, weights } = buildPortableModel(config, parameters, precision)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, MODEL_FILE), model)
  await writeFile(join(folder, WEIGHTS_FILE), weights)
  const entry = (bytes: Uint8Array) => ({ sha256: sha256(bytes), bytes: bytes.length })
  return { [MODEL_FILE]: entry(model), [WEIGHTS_FILE]: entry(weights) }
}

/** A folder with other things in it is never replaced. */
async function refuseForeignFolder(target: string): Promise<void> {
  const entries = await readdir(target).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw new FamilyInvalid(target, `cannot be written to (${error.code})`)
  })
  if (entries.length > 0 && !entries.includes(MANIFEST_FILE)) {
    throw new FamilyInvalid(target, 'is a folder without a family.json; name a new one, or the family to replace')
  }
}

/** The old folder is moved aside first, since a rename replaces only an empty folder. */
async function replaceFolder(staging: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  const exists = await access(target).then(
    () => true,
    () => false,
  )
  if (!exists) return rename(staging, target)
  const aside = hiddenSibling(target, 'replaced')
  await rename(target, aside)
  try {
    await rename(staging, target)
  } catch (error) {
    await rename(aside, target)
    throw error
  }
  await rm(aside, { recursive: true, force: true })
}

/** Listings of families pass over hidden folders, so that one left by a crash is never served. */
function hiddenSibling(target: string, purpose: string): string {
  return join(dirname(target), `.${basename(target)}.${purpose}-${randomUUID()}`)
}
