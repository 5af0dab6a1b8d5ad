/**
 * Variants on disk, each in a folder named by the hash of all that decides its bytes and its check: a change of any is
 * another entry, so that nothing is ever stale. An entry is written whole, and checked by hash when it is read; one that is
 * damaged is none. The folder may be deleted at any time.
 *
 *   <folder>/variants/<key>/{entry.json, model.onnx, weights.bin}       the latter two only where the variant passed its check
 */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import { env } from 'onnxruntime-node'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import type { FamilyManifest, TierManifest } from '../../family/family-schema.js'
import { sha256, sha256OfFile } from '../../family/file-hash.js'
import { splitModel } from '../external-weights.js'
import { MODEL_FILE, WEIGHTS_FILE } from '../portable-model.js'
import type { Provider } from '../providers.js'
import type { DerivedVariant } from './variant-names.js'

/** Raise it with every change to what a variant's graph computes, to how it is checked or kept. */
export const BUILDER_VERSION = 7

const closed = { additionalProperties: false }
const Scores = Type.Object({ accuracy: Type.Number(), auc: Type.Number() }, closed)

const VariantQualitySchema = Type.Object(
  {
    /** SHA-256 of the file with the labelled texts */
    dataSha256: Type.String(),
    texts: Type.Integer(),
    portable: Scores,
    variant: Scores,
  },
  closed,
)
/** The variant and the portable model on labelled texts. */
export type VariantQuality = Static<typeof VariantQualitySchema>

const VariantEntrySchema = Type.Object(
  {
    variant: Type.String(),
    /** of model.onnx; absent for a refused variant */
    modelSha256: Type.Optional(Type.String()),
    /** of weights.bin, likewise */
    weightsSha256: Type.Optional(Type.String()),
    /** why the variant may not be used, a clause */
    refused: Type.Optional(Type.String()),
    check: Type.Optional(
      Type.Object(
        {
          texts: Type.Integer(),
          maxLogitDifference: Type.Number(),
          maxProbabilityDifference: Type.Number(),
          meanProbabilityDifference: Type.Number(),
          labelAgreement: Type.Number(),
        },
        closed,
      ),
    ),
    quality: Type.Optional(VariantQualitySchema),
  },
  closed,
)
/** What is known of a variant of one tier. */
export type VariantEntry = Static<typeof VariantEntrySchema>

export interface CachedVariant {
  readonly entry: VariantEntry
  /** undefined for a refused variant */
  readonly modelFile: string | undefined
}

const ENTRY_FILE = 'entry.json'

/** The processor and the GPU are no part of it: what is prepared in an image serves wherever it runs. */
export function variantKey(
  { tokenizer }: Pick<FamilyManifest, 'tokenizer'>,
  tier: TierManifest,
  variant: DerivedVariant,
  provider: Provider,
): string {
  const identity = {
    variant,
    provider,
    builder: BUILDER_VERSION,
    onnxruntime: env.versions.node,
    machine: [platform(), arch()],
    model: tier.files['model.onnx'].sha256,
    weights: tier.files['weights.bin'].sha256,
    // it says which token every text begins with
    tokenizer: tokenizer.sha256,
    config: tier.config,
    precision: tier.precision,
    temperature: tier.calibration.temperature,
  }
  return sha256(JSON.stringify(identity)).slice(0, 32)
}

/** @returns the file that whoever builds the entry holds */
export function variantLock(cacheDir: string, key: string): string {
  return `${entryFolder(cacheDir, key)}.lock`
}

/** @returns the entry; undefined when there is none, or none that is whole */
export async function readCachedVariant(cacheDir: string, key: string): Promise<CachedVariant | undefined> {
  const folder = entryFolder(cacheDir, key)
  const modelFile = join(folder, MODEL_FILE)
  try {
    const entry: unknown = JSON.parse(await readFile(join(folder, ENTRY_FILE), 'utf8'))
    if (!Check(VariantEntrySchema, entry)) return undefined
    if (entry.refused !== undefined) return { entry, modelFile: undefined }
    const isWhole =
      (await sha256OfFile(modelFile)) === entry.modelSha256 &&
      (await sha256OfFile(join(folder, WEIGHTS_FILE))) === entry.weightsSha256
    return isWhole ? { entry, modelFile } : undefined
  } catch {
    return undefined
  }
}

/**
 * Takes the place of the entry that was there.
 * @param whole the model, weights included; undefined for a refused variant
 * @throws the file system's error when the folder cannot be written
 */
export async function writeCachedVariant(
  cacheDir: string,
  key: string,
  entry: Omit<VariantEntry, 'modelSha256' | 'weightsSha256'>,
  whole: Uint8Array | undefined,
): Promise<void> {
  const folder = entryFolder(cacheDir, key)
  await mkdir(join(cacheDir, 'variants'), { recursive: true })
  const part = await mkdtemp(`${folder}.part-`)
  try {
    let complete: VariantEntry = entry
    if (whole) {
      const { model, weights } = splitModel(whole, WEIGHTS_FILE)
      complete = { ...entry, modelSha256: sha256(model), weightsSha256: sha256(weights) }
      await writeFile(join(part, MODEL_FILE), model)
      await writeFile(join(part, WEIGHTS_FILE), weights)
    }
    await writeFile(join(part, ENTRY_FILE), `${JSON.stringify(complete, null, 2)}\n`)
    await rm(folder, { recursive: true, force: true })
    await rename(part, folder)
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    // another engine, started with this one, was quicker: its entry is as good
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/**
 * Adds a measured quality to an entry.
 * @param refused why the variant may not be used from now on; undefined when it may
 * @throws the file system's error when there is no such entry or it cannot be written
 */
export async function recordQuality(
  cacheDir: string,
  key: string,
  quality: VariantQuality,
  refused: string | undefined,
): Promise<void> {
  const file = join(entryFolder(cacheDir, key), ENTRY_FILE)
  const { modelSha256, weightsSha256, ...entry } = JSON.parse(await readFile(file, 'utf8')) as VariantEntry
  if (refused !== undefined) return writeCachedVariant(cacheDir, key, { ...entry, quality, refused }, undefined)
  const part = `${file}.part-${process.pid}`
  await writeFile(part, `${JSON.stringify({ ...entry, modelSha256, weightsSha256, quality }, null, 2)}\n`)
  await rename(part, file)
}

function entryFolder(cacheDir: string, key: string): string {
  return join(cacheDir, 'variants', key)
}
