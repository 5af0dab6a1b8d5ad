/** Adds explain.onnx to the tiers of a family that was exported without. */
import { dirname } from 'node:path'
import type { FamilyManifest, TierManifest } from '../../src/family/family-schema.js'
import { type Family, loadFamily, tierPaths } from '../../src/family/load-family.js'
import { EXPLAIN_FILE } from '../../src/onnx/explain-session.js'
import { loadTokenizer } from '../../src/tokenizer/text-tokenizer.js'
import { truncate, withSpecialTokens } from '../../src/tokenizer/windows.js'
import { writeWhole } from '../write-whole.js'
import { writeExplainFile } from './explain-tier.js'

/**
 * Every tier gets one, a tier that has one gets it anew. family.json is written last: a family that had none is valid at
 * every moment. With it the family has another version.
 * @param texts that the files are checked on; by default the family's own description of itself and its data
 * @returns the family, loaded back
 * @throws ParityFailed when a file does not give what the engine gives; the family is then as it was
 */
export async function explainFamily(
  family: Family,
  texts: readonly string[] = [],
  onTier: (tier: TierManifest) => void = () => {},
): Promise<Family> {
  const { manifest } = family
  const tokenizer = loadTokenizer(family.paths.tokenizer)
  const encoded = await tokenizer.encodeBatch(texts.length > 0 ? texts : describingTexts(manifest))
  const sequences = encoded.map(({ ids }) => {
    const { start, end } = truncate(ids.length, manifest.maxTokens)
    return { inputIds: withSpecialTokens(ids.subarray(start, end), tokenizer) }
  })
  const tiers: TierManifest[] = []
  for (const tier of manifest.tiers) {
    const { file, check } = await writeExplainFile(dirname(tierPaths(family, tier.tier).model), tier, sequences)
    const explained = { ...tier, files: { ...tier.files, [EXPLAIN_FILE]: file }, explain: check }
    tiers.push(explained)
    onTier(explained)
  }
  await writeWhole(family.paths.manifest, `${JSON.stringify({ ...manifest, tiers }, null, 2)}\n`)
  return loadFamily(family.dir, { verify: 'hashes' })
}

function describingTexts({ labels, description, data }: FamilyManifest): string[] {
  return [labels.join(', '), `${description} ${data.description}`]
}
