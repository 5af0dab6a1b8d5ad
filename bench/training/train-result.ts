/** The training bench's command: flags in, table and JSON out. */
import { InvalidConfiguration } from '../../src/errors.js'
import { findArchitecture } from '../../src/family/architectures.js'
import type { Device, Precision } from '../../training/engine/types.js'
import { describeEnvironment } from '../host/environment.js'
import { textTable } from '../output/text-table.js'
import { type BenchResult, writeResult } from '../output/write-result.js'
import { runTrainBench, type TrainBenchRow } from '../train.js'

/** As commander gives them. */
export interface TrainFlags {
  readonly device: string
  readonly architectures: string
  readonly batchSizes: string
  readonly tokens: string
  readonly steps: string
  readonly threads?: string
  readonly precision: string
  readonly json?: string
}

export interface TrainResult extends BenchResult {
  readonly bench: 'train'
  readonly rows: readonly TrainBenchRow[]
}

/** `npm run bench -- train`. @throws InvalidConfiguration naming the flag */
export async function benchTraining(flags: TrainFlags): Promise<void> {
  const environment = describeEnvironment()
  const architectures = flags.architectures.split(',').map((name) => name.trim())
  const unknown = architectures.find((name) => findArchitecture(name) === undefined)
  if (unknown !== undefined) {
    throw new InvalidConfiguration('--architectures', `"${unknown}" is none; lextier architectures lists them`)
  }
  const rows = await runTrainBench({
    device: flags.device as Device,
    architectures,
    batchSizes: flags.batchSizes.split(',').map((size) => count('--batch-sizes', size)),
    tokens: count('--tokens', flags.tokens),
    steps: count('--steps', flags.steps),
    ...(flags.threads !== undefined && { threads: count('--threads', flags.threads) }),
    precision: precisionOf(flags.precision),
    onRow: ({ architecture, batchSize, sequencesPerSecond }) =>
      process.stderr.write(`${architecture}, batch ${batchSize}: ${sequencesPerSecond.toPrecision(3)} sequences/s\n`),
  })
  const result: TrainResult = { bench: 'train', environment, rows }
  await writeResult(result, trainTable(rows), flags.json)
}

export function trainTable(rows: readonly TrainBenchRow[]): string {
  return textTable(
    [
      'architecture',
      'device',
      'precision',
      'batch',
      'tokens',
      'step ms',
      'sequences/s',
      'with state in and out',
      'matmul TFLOP/s',
      'start ms',
      'memory MiB',
    ],
    rows.map((row) => [
      row.architecture,
      row.device,
      row.precision,
      row.batchSize,
      row.tokens,
      row.stepMs,
      row.sequencesPerSecond,
      row.callSequencesPerSecond,
      row.matmulTflops,
      row.startMs,
      row.memoryMiB ?? '-',
    ]),
  )
}

function precisionOf(text: string): Precision {
  if (text === 'float32' || text === 'float16') return text
  throw new InvalidConfiguration('--precision', `"${text}" is neither float32 nor float16`)
}

function count(flag: string, text: string): number {
  const value = Number(text.trim() || Number.NaN)
  if (Number.isInteger(value) && value >= 1) return value
  throw new InvalidConfiguration(flag, `"${text}" is not a whole number of 1 or more`)
}
