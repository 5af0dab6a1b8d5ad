/** Messages between the bench and a process that does nothing but `session.run`. */
import type { EncoderConfig } from '../../src/family/encoder-config.js'
import type { TierManifest } from '../../src/family/family-schema.js'
import type { Provider } from '../../src/onnx/providers.js'
import type { VariantName } from '../../src/onnx/variants/variant-names.js'

export interface RawText {
  /** of the text, without special tokens */
  readonly tokens: number
  /** one a window, special tokens included */
  readonly sequences: readonly Int32Array[]
}

export interface RawLoadCommand {
  readonly type: 'load'
  /** the portable model: variants are built from its weights */
  readonly modelFile: string
  readonly variant: VariantName
  readonly precision: TierManifest['precision']
  readonly config: EncoderConfig
  readonly provider: Provider
  readonly threads: number
  /** which of several GPUs, counted from 0 */
  readonly device: number
  readonly texts: readonly RawText[]
}

export interface RawRunCommand {
  readonly type: 'run'
  /** texts of this process's sample; the parent has agreed with all processes on one number */
  readonly sample: number
  /** padded tokens of a batch; undefined: every sequence alone */
  readonly maxBatchTokens: number | undefined
  readonly maxRows: number
  /** whole passes over the sample until so much time is spent */
  readonly durationMs: number
}

/** The first sequence of the first text, again and again, each run timed. */
export interface RawTimeCommand {
  readonly type: 'time'
  readonly durationMs: number
}

/** The model is loaded and has run. */
export interface RawLoaded {
  readonly type: 'loaded'
  /** an estimate, from a few texts alone */
  readonly textsPerSecond: number
}

export interface RawMeasured {
  readonly type: 'measured'
  readonly texts: number
  readonly tokens: number
  readonly seconds: number
  readonly cpuSeconds: number
}

export interface RawTimed {
  readonly type: 'timed'
  /** ms of each run, in order */
  readonly durationsMs: readonly number[]
}

export interface RawFailed {
  readonly type: 'failed'
  readonly message: string
}

export type RawCommand = RawLoadCommand | RawRunCommand | RawTimeCommand
export type RawReport = RawLoaded | RawMeasured | RawTimed | RawFailed
