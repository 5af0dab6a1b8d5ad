/** A family of one tier of any shape, with random weights: what a model takes does not depend on what it answers. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidConfiguration } from '../../src/errors.js'
import { ARCHITECTURES, encoderConfig, findArchitecture } from '../../src/family/architectures.js'
import type { FamilyManifest, TierManifest } from '../../src/family/family-schema.js'
import type { Family } from '../../src/family/load-family.js'
import { MANIFEST_FILE } from '../../src/family/manifest.js'
import { parameterCount } from '../../src/family/parameters.js'
import { writeTierFiles } from '../../training/export/export-family.js'
import { initialParameters } from '../../training/nn/initialise.js'
import { createRandom } from '../../training/random.js'

/**
 * @param models folder that the family is written into, as a subfolder of its name
 * @param like lends its tokenizer, labels and lengths
 * @returns the family's name
 * @throws InvalidConfiguration when there is no such architecture
 */
export async function writeRandomFamily(models: string, like: Family, architecture: string, seed: number) {
  const shape = findArchitecture(architecture)
  if (!shape) {
    const names = ARCHITECTURES.map(({ name }) => name).join(', ')
    throw new InvalidConfiguration('--architecture', `"${architecture}" is none of ${names}`)
  }
  const [model] = like.manifest.tiers
  const { vocabSize, padTokenId, labels } = model!.config
  const config = encoderConfig(shape, { vocabSize, padTokenId, labels })
  const parameters = initialParameters(config, createRandom(seed).fork('family'))
  // one label is likeliest whatever the text: a rounding then changes no label, and variants are judged by their numbers
  parameters['classifier.bias']!.values[0] = 1
  const name = `random-${architecture}`
  const folder = join(models, name)
  await mkdir(folder, { recursive: true })
  const files = await writeTierFiles(join(folder, 'teacher'), config, parameters, 'fp16')
  const { explain: _, ...measured } = model!
  const tier: TierManifest = {
    ...measured,
    ...{ tier: 'teacher', architecture, config, files, precision: 'fp16', parameters: parameterCount(config) },
  }
  const description = 'Random weights, for a bench: its answers mean nothing.'
  const manifest: FamilyManifest = { ...like.manifest, name, description, tiers: [tier] }
  await copyFile(like.paths.tokenizer, join(folder, manifest.tokenizer.file))
  await writeFile(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`)
  return name
}
