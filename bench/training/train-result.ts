/** The training bench's command: flags in, table and JSON out. */
import { InvalidConfiguration } from '../../src/errors.js'
import { findArchitecture } from '../../src/family/architectures.js'
import type { Device, Precision } from '../../training/engine/types.js'
import { describeEnvironment } from '../host/environment.js'
import { textTable } from '../output/text-table.js'
import { type BenchResult, writeResult } from '../output/write-result.js'
import { runTrainBench, type TrainBenchRow } from '../train.js'
import { cpuMatmulRate } from './matmul-rate.js'

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
  /** of ONNX Runtime's own float32 product, before and after the steps, whichever is higher; on the CPU alone */
  readonly matmulRateTflops?: number
}

/** `npm run bench -- train`. @throws InvalidConfiguration naming the flag */
export async function benchTraining(flags: TrainFlags): Promise<void> {
  const environment = describeEnvironment()
  const architectures = flags.architectures.split(',').map((name) => name.trim())
  const unknown = architectures.find((name) => findArchitecture(name) === undefined)
  if (unknown !== undefined) {
    throw new InvalidConfiguration('--architectures', `"${unknown}" is none; lextier architectures lists them`)
  }
  const threads = flags.threads === undefined ? undefined : count('--threads', flags.threads)
  const measureRate = async () => (flags.device === 'cpu' ? cpuMatmulRate(threads) : undefined)
  const rateBefore = await measureRate()
  const rows = await runTrainBench({
    device: flags.device as Device,
    architectures,
    batchSizes: flags.batchSizes.split(',').map((size) => count('--batch-sizes', size)),
    tokens: count('--tokens', flags.tokens),
    steps: count('--steps', flags.steps),
    ...(threads !== undefined && { threads }),
    precision: precisionOf(flags.precision),
    onRow: ({ architecture, batchSize, sequencesPerSecond }) =>
      process.stderr.write(`${architecture}, batch ${batchSize}: ${sequencesPerSecond.toPrecision(3)} sequences/s\n`),
  })
  const rateAfter = await measureRate()
  const rate = rateBefore !== undefined && rateAfter !== undefined ? Math.max(rateBefore, rateAfter) : undefined
  const result: TrainResult = { bench: 'train', environment, rows, ...(rate && { matmulRateTflops: rate }) }
  await writeResult(result, trainTable(rows, rate), flags.json)
}

/** @param rate of the machine's matrix product, TFLOP/s, where it was measured */
export function trainTable(rows: readonly TrainBenchRow[], rate?: number): string {
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
      ...(rate === undefined ? [] : [`share of ${rate.toPrecision(3)}`]),
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
      ...(rate === undefined ? [] : [`${((100 * row.matmulTflops) / rate).toFixed(0)}%`]),
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
