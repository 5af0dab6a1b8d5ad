/** What PyTorch reaches with the same encoder shape on the same device, where it is installed. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import { PEERS_FOLDER } from '../peers/install-peer.js'

export interface PytorchAnchor {
  readonly versions: Readonly<Record<string, string>>
  readonly device: string
  readonly precision: string
  /** batches in the order of arrival */
  readonly paddedSequencesPerSecond: number
  /** batches of similar lengths */
  readonly sortedSequencesPerSecond: number
  readonly single128P50Ms: number
}

export interface AnchorOptions {
  readonly python: string
  readonly device: 'cuda' | 'cpu'
  readonly config: EncoderConfig
  /** tokens of each sequence, special ones included */
  readonly lengths: readonly number[]
  readonly maxTokens: number
  readonly maxRows: number
  readonly seconds: number
}

const TIMEOUT_MS = 600_000

/** @returns the figures, or why there are none */
export async function pytorchAnchor(options: AnchorOptions): Promise<PytorchAnchor | { readonly skipped: string }> {
  const { python, device, config, lengths, maxTokens, maxRows, seconds } = options
  const scratch = await mkdtemp(join(tmpdir(), 'lextier-bench-pytorch-'))
  try {
    const lengthsFile = join(scratch, 'lengths.json')
    await writeFile(lengthsFile, JSON.stringify(lengths))
    const flags = {
      config: JSON.stringify(config),
      lengths: lengthsFile,
      'max-tokens': maxTokens,
      'max-rows': maxRows,
      seconds,
      device,
    }
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
    const script = join(PEERS_FOLDER, 'pytorch-infer.py')
    const { stdout } = await promisify(execFile)(python, [script, ...args], { timeout: TIMEOUT_MS, maxBuffer: 2 ** 24 })
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as PytorchAnchor
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    return { skipped: `${python}: ${(stderr || message).trim().split('\n').at(-1)}` }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
