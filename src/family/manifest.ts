/** Reading family.json: the schema, then what a schema cannot say. */
import { Check, Errors } from 'typebox/value'
import { FamilyInvalid } from '../errors.js'
import { type FamilyManifest, FamilySchema, TIER_NAMES } from './family-schema.js'
import { parameterCount } from './parameters.js'

export const MANIFEST_FILE = 'family.json'

/**
 * @param folder named in errors
 * @throws FamilyInvalid with the JSON pointer of the first fault
 */
export function parseManifest(text: string, folder: string): FamilyManifest {
  let manifest: unknown
  try {
    manifest = JSON.parse(text)
  } catch (error) {
    throw new FamilyInvalid(folder, `${MANIFEST_FILE} is not JSON (${(error as Error).message})`)
  }
  if (!Check(FamilySchema, manifest)) {
    // the most specific fault: a union or a parent fails as well when a leaf does
    const faults = Errors(FamilySchema, manifest)
    const fault = faults.toSorted((a, b) => b.instancePath.length - a.instancePath.length)[0]
    throw new FamilyInvalid(
      folder,
      `${MANIFEST_FILE} ${fault?.instancePath || '/'} ${fault?.message ?? 'is not valid'}${detail(fault?.params)}; export the family again with this version of lextier`,
    )
  }
  const inconsistency = findInconsistency(manifest)
  if (inconsistency) throw new FamilyInvalid(folder, `${MANIFEST_FILE} ${inconsistency}`)
  return manifest
}

/** @returns the first way in which a manifest contradicts itself, as "pointer reason", or undefined */
export function findInconsistency(manifest: FamilyManifest): string | undefined {
  const ranks = manifest.tiers.map(({ tier }) => TIER_NAMES.indexOf(tier))
  const misplaced = ranks.findIndex((rank, i) => i > 0 && rank <= ranks[i - 1]!)
  if (misplaced >= 0) return `/tiers/${misplaced}/tier must come once, in the order ${TIER_NAMES.join(', ')}`
  for (const [i, { config, parameters, files, explain }] of manifest.tiers.entries()) {
    const at = `/tiers/${i}/config`
    if ((explain === undefined) !== (files['explain.onnx'] === undefined)) {
      return `/tiers/${i}/explain and the file explain.onnx come together or not at all`
    }
    if (config.labels !== manifest.labels.length) {
      return `${at}/labels is ${config.labels}, but there are ${manifest.labels.length} labels`
    }
    if (manifest.maxTokens > config.maxPositions) {
      return `${at}/maxPositions is ${config.maxPositions}, but maxTokens is ${manifest.maxTokens}`
    }
    if (config.heads === 0 || config.hiddenSize % config.heads !== 0) {
      return `${at}/heads is ${config.heads}, which does not divide hiddenSize ${config.hiddenSize}`
    }
    if (config.padTokenId >= config.vocabSize) return `${at}/padTokenId is outside of the vocabulary`
    const counted = parameterCount(config)
    if (parameters !== counted) {
      return `/tiers/${i}/parameters is ${parameters}, but the config has ${counted}`
    }
  }
  // a window holds two special tokens; its neighbour must start further on
  if (manifest.windowOverlap >= manifest.maxTokens - 2) {
    return `/windowOverlap must be less than maxTokens − 2 (${manifest.maxTokens - 2})`
  }
  return undefined
}

function detail(params: unknown): string {
  return params && Object.keys(params).length > 0 ? ` ${JSON.stringify(params)}` : ''
}
