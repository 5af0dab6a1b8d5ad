import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { HostTensors } from '../../../src/family/tensor.js'
import { encodeSafetensors, openSafetensors } from '../../../training/checkpoint/safetensors.js'
import { CHECKPOINTS } from '../nn/golden.js'

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lextier-checkpoint-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A copy of a golden checkpoint, to be altered. */
export async function copyOf(t: TestContext, name: 'tiny-bert' | 'tiny-distilbert'): Promise<string> {
  const folder = await temporaryFolder(t)
  for (const file of ['config.json', 'model.safetensors', 'vocab.txt', 'tokenizer_config.json']) {
    await cp(join(CHECKPOINTS, name, file), join(folder, file))
  }
  return folder
}

export async function readTensors(file: string): Promise<HostTensors> {
  const source = await openSafetensors(file)
  const tensors: HostTensors = {}
  for (const name of source.entries.keys()) tensors[name] = await source.read(name)
  await source.close()
  return tensors
}

/** Replaces the weights of a folder by what `alter` makes of them. */
export async function alterTensors(folder: string, alter: (tensors: HostTensors) => HostTensors): Promise<void> {
  const file = join(folder, 'model.safetensors')
  await writeFile(file, encodeSafetensors(alter(await readTensors(file))))
}

export async function alterJson(file: string, changes: Record<string, unknown>): Promise<void> {
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...changes }))
}

export const renamed = (tensors: HostTensors, rename: (name: string) => string): HostTensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [rename(name), tensor]))
