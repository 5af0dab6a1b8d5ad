import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { HostTensors } from '../../src/family/tensor.js'
import { readSnapshot, writeSnapshot } from './run-folder.js'

/** What the cached outputs depend on; a cache made of anything else is not used. */
export interface TeacherOutputsKey {
  readonly teacher: HostTensors
  readonly dataSha256: string
  readonly tokenizerJson: string
  readonly sequences: readonly Int32Array[]
}

/**
 * A model's logits on the training examples, computed once a run and kept on disk.
 * @param stage whose folder keeps them
 * @param compute [labels] an example, in order
 */
export async function teacherOutputs(
  runFolder: string,
  stage: string,
  key: TeacherOutputsKey,
  compute: () => Promise<Float32Array[]>,
): Promise<Float32Array[]> {
  const file = join(runFolder, stage, 'outputs.safetensors')
  const hash = hashOf(key)
  const cached = await readSnapshot<{ hash: string }>(file)
  if (cached?.facts.hash === hash) {
    const { shape, values } = cached.tensors.logits!
    const [examples, labels] = shape as [number, number]
    return Array.from({ length: examples }, (_, i) => values.slice(i * labels, (i + 1) * labels) as Float32Array)
  }
  const logits = await compute()
  const labels = logits[0]!.length
  const values = new Float32Array(logits.length * labels)
  for (const [i, row] of logits.entries()) values.set(row, i * labels)
  const tensors = { logits: { shape: [logits.length, labels], values } }
  await writeSnapshot(file, { tensors, facts: { hash } })
  return logits
}

function hashOf({ teacher, dataSha256, tokenizerJson, sequences }: TeacherOutputsKey): string {
  const hash = createHash('sha256').update(dataSha256).update(tokenizerJson)
  for (const sequence of sequences) hash.update(`|${sequence.length}|`).update(bytesOf(sequence))
  for (const name of Object.keys(teacher).sort()) {
    const { shape, values } = teacher[name]!
    hash.update(`${name}[${shape}]`).update(bytesOf(values))
  }
  return hash.digest('hex')
}

function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
