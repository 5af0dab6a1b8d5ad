/**
 * What the runtime alone can do: bare processes running the same variant of the model over the same texts, one at a time and in
 * length-sorted batches. The bar that serving is held to.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keepFreedMemory } from '../../src/cli/allocator-variables.js'
import { ProviderUnavailable } from '../../src/errors.js'
import type { VariantName } from '../../src/onnx/variants/variant-names.js'
import { onCpus } from '../host/split-cpus.js'
import type { RawCommand, RawLoadCommand, RawLoaded, RawMeasured, RawReport, RawTimed } from './raw-protocol.js'

export interface RawModel extends Omit<RawLoadCommand, 'type' | 'texts' | 'device'> {
  /** CPUs to run on, as taskset lists them; undefined: this process's */
  readonly cpus: string | undefined
}

export interface RawOptions extends RawModel, Pick<RawLoadCommand, 'texts'> {
  readonly processes: number
  /** GPUs that they share out, one each as far as there are */
  readonly devices: number
  /** padded tokens of a length-sorted batch: the server's own limit */
  readonly maxBatchTokens: number
  readonly maxRows: number
  /** of each of the two measurements */
  readonly durationMs: number
}

export interface RawRate {
  readonly textsPerSecond: number
  /** of the texts, without special tokens and padding */
  readonly tokensPerSecond: number
  readonly textsPerCpuSecond: number
  readonly tokensPerCpuSecond: number
}

export interface RawThroughput {
  /** what the server runs too */
  readonly variant: VariantName
  readonly processes: number
  readonly threads: number
  readonly oneByOne: RawRate
  readonly lengthSorted: RawRate
  /** the one of the two with more tokens a second */
  readonly best: 'oneByOne' | 'lengthSorted'
}

const PROCESS_FILE = fileURLToPath(new URL(`./raw-process${extname(import.meta.url)}`, import.meta.url))

/** @throws ProviderUnavailable when a process cannot load or run the model */
export async function measureRaw(options: RawOptions): Promise<RawThroughput> {
  const { processes, devices, cpus, maxBatchTokens, maxRows, durationMs, ...model } = options
  const children = Array.from({ length: processes }, () => startProcess(cpus))
  const askAll = <T extends RawReport>(commandOf: (index: number) => RawCommand) =>
    Promise.all(children.map((child, index) => ask<T>(child, commandOf(index), options.provider)))
  try {
    const loaded = await askAll<RawLoaded>((index) => ({ type: 'load', device: index % devices, ...model }))
    const slowest = Math.min(...loaded.map(({ textsPerSecond }) => textsPerSecond))
    // the untimed pass and the timed one together take about as long as was asked for
    const sample = Math.max(1, Math.min(model.texts.length, Math.round((slowest * durationMs) / 2_000)))
    const run = { type: 'run', sample, maxRows, durationMs: durationMs / 2 } as const
    const oneByOne = total(await askAll<RawMeasured>(() => ({ ...run, maxBatchTokens: undefined })))
    const lengthSorted = total(await askAll<RawMeasured>(() => ({ ...run, maxBatchTokens })))
    const best = lengthSorted.tokensPerSecond > oneByOne.tokensPerSecond ? 'lengthSorted' : 'oneByOne'
    return { variant: model.variant, processes, threads: model.threads, oneByOne, lengthSorted, best }
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
}

/**
 * The first sequence of the first text, alone, in one bare process.
 * @returns ms of each run
 * @throws ProviderUnavailable as measureRaw does
 */
export async function timeRaw(
  options: RawModel & Pick<RawLoadCommand, 'texts'> & { readonly durationMs: number },
): Promise<readonly number[]> {
  const { durationMs, cpus, ...model } = options
  const child = startProcess(cpus)
  try {
    await ask<RawLoaded>(child, { type: 'load', device: 0, ...model }, options.provider)
    return (await ask<RawTimed>(child, { type: 'time', durationMs }, options.provider)).durationsMs
  } finally {
    child.kill('SIGKILL')
  }
}

function startProcess(cpus: string | undefined): ChildProcess {
  const [execPath, execArgv] = onCpus(cpus, process.execPath, process.execArgv)
  const env = { ...process.env }
  // as the server's engines have it
  keepFreedMemory(env)
  return fork(PROCESS_FILE, [], { serialization: 'advanced', execPath, execArgv: [...execArgv], env })
}

function total(measured: readonly RawMeasured[]): RawRate {
  const sum = (of: (one: RawMeasured) => number) => measured.reduce((whole, one) => whole + of(one), 0)
  const cpuSeconds = sum((one) => one.cpuSeconds)
  return {
    textsPerSecond: sum(({ texts, seconds }) => texts / seconds),
    tokensPerSecond: sum(({ tokens, seconds }) => tokens / seconds),
    textsPerCpuSecond: sum(({ texts }) => texts) / cpuSeconds,
    tokensPerCpuSecond: sum(({ tokens }) => tokens) / cpuSeconds,
  }
}

function ask<T extends RawReport>(child: ChildProcess, command: RawCommand, provider: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => reject(new ProviderUnavailable(provider, reason))
    const died = (code: number | null, signal: string | null) =>
      fail(`the process that measures it ended (${signal ?? `exit code ${code}`})`)
    child.once('exit', died)
    child.once('message', (report: RawReport) => {
      child.off('exit', died)
      if (report.type === 'failed') fail(report.message)
      else resolve(report as T)
    })
    child.send(command, (error) => error && fail(error.message))
  })
}
