/**
 * The folder of one run: exact config, split, audit, events, and a folder a stage with its checkpoints. Files appear whole
 * or not at all, so that a run that is killed can be resumed from what it holds.
 */
import { appendFileSync, existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointInvalid } from '../../src/errors.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { encodeSafetensors, openSafetensors } from '../checkpoint/safetensors.js'
import { writeWhole } from '../write-whole.js'

export async function writeJson(file: string, value: unknown): Promise<void> {
  await writeWhole(file, `${JSON.stringify(value, null, 2)}\n`)
}

/** @returns the parsed file, or undefined when there is none */
export async function readJson<T>(file: string): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? undefined : (JSON.parse(text) as T)
}

/** At once, so that the lines of a run stay in order and none is lost when it is killed. */
export function appendLine(file: string, line: string): void {
  appendFileSync(file, `${line}\n`)
}

/** Tensors and the facts that belong to them, in one safetensors file. */
export interface Snapshot<Facts> {
  readonly tensors: HostTensors
  readonly facts: Facts
}

export async function writeSnapshot<Facts>(file: string, { tensors, facts }: Snapshot<Facts>): Promise<void> {
  await writeWhole(file, encodeSafetensors(tensors, { facts: JSON.stringify(facts) }))
}

/**
 * @returns the snapshot, or undefined when there is no such file
 * @throws CheckpointInvalid when the file is not a snapshot
 */
export async function readSnapshot<Facts>(file: string): Promise<Snapshot<Facts> | undefined> {
  if (!existsSync(file)) return undefined
  const opened = await openSafetensors(file)
  try {
    const json = opened.metadata.facts
    if (json === undefined) throw new CheckpointInvalid(file, 'was not written by a training run; remove it')
    const tensors: HostTensors = {}
    for (const name of opened.entries.keys()) tensors[name] = await opened.read(name)
    return { tensors, facts: JSON.parse(json) as Facts }
  } finally {
    await opened.close()
  }
}

/** Where a stage keeps what. */
export interface StageFiles {
  /** state after the last checkpoint: parameters, moments, step */
  readonly last: string
  /** parameters with the best validation NLL so far */
  readonly best: string
  /** written when the stage is finished */
  readonly done: string
  /** one row an epoch */
  readonly metrics: string
}

export function stageFiles(runFolder: string, stage: string): StageFiles {
  const folder = join(runFolder, stage)
  return {
    last: join(folder, 'last.safetensors'),
    best: join(folder, 'best.safetensors'),
    done: join(folder, 'done.json'),
    metrics: join(folder, 'metrics.csv'),
  }
}
