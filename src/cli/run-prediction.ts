import { isUtf8 } from 'node:buffer'
import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { predictTexts } from '../../training/recipes/predict-texts.js'
import { DataInvalid, InvalidConfiguration, TierNotFound } from '../errors.js'
import type { TierName } from '../family/family-schema.js'
import { loadFamily } from '../family/load-family.js'
import { argmax, softmax } from '../family/softmax.js'
import { openTier } from '../onnx/tier-session.js'
import { htmlToText } from '../tokenizer/html-text.js'
import { loadTokenizer } from '../tokenizer/text-tokenizer.js'
import { threadsOption } from './threads-option.js'

export interface PredictFlags {
  readonly family: string
  readonly tier: string
  readonly input: string
  readonly output: string
  readonly textField: string
  readonly threads?: string
}

/** Lines predicted at a time: memory does not grow with the file. */
const CHUNK_LINES = 256

interface Line {
  readonly number: number
  readonly id?: unknown
  readonly text?: string
  readonly fault?: string
}

/** Answers every line in order; a line that cannot be read gets an error in its place, and the exit code says so. */
export async function runPrediction(flags: PredictFlags): Promise<void> {
  const family = await loadFamily(flags.family, { verify: 'hashes' })
  const { manifest } = family
  const tier = manifest.tiers.find((candidate) => candidate.tier === flags.tier)
  if (!tier) throw new TierNotFound(flags.tier, manifest.name, manifest.tiers.map((each) => each.tier).join(', '))
  const input = flags.input === '-' ? process.stdin : createReadStream(flags.input)
  const unreadable = failure(input, (why) => new DataInvalid(flags.input, `cannot be read (${why})`))
  const session = await openTier(family, flags.tier as TierName, { provider: 'cpu', ...threadsOption(flags) })
  const tokenizer = loadTokenizer(family.paths.tokenizer)
  const output: Writable = flags.output === '-' ? process.stdout : createWriteStream(flags.output)
  const unwritable = failure(output, (why) => new InvalidConfiguration('--output', `cannot be written (${why})`))
  let faults = 0
  const answer = async (lines: readonly Line[]) => {
    const readable = lines.filter((line) => line.text !== undefined)
    const answers = await predictTexts(
      session,
      tokenizer,
      readable.map((line) => line.text!),
      manifest,
    )
    const answerOf = new Map(readable.map((line, i) => [line.number, answers[i]!]))
    for (const line of lines) {
      const found = answerOf.get(line.number)
      if (!found) faults++
      const body = found
        ? prediction(manifest.labels, found, tier.calibration.temperature)
        : { error: { code: 'DATA_INVALID', line: line.number, message: line.fault } }
      const named = line.id === undefined ? body : { id: line.id, ...body }
      if (!output.write(`${JSON.stringify(named)}\n`)) await new Promise((resolve) => output.once('drain', resolve))
    }
  }
  try {
    await Promise.race([forEachChunk(input, flags.textField, answer), unreadable, unwritable])
  } finally {
    await session.release()
  }
  if (output !== process.stdout) {
    output.end()
    await Promise.race([finished(output), unwritable])
  }
  if (faults > 0) {
    throw new DataInvalid(flags.input, `${faults} lines could not be predicted; the output says which and why`)
  }
}

/** @returns a promise that the stream's first error rejects, whether or not anybody waits for it by then */
function failure(stream: NodeJS.EventEmitter, describe: (why: string) => Error): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    stream.once('error', (error: NodeJS.ErrnoException) => reject(describe(error.code ?? error.message)))
  })
  failed.catch(() => {})
  return failed
}

async function forEachChunk(
  input: Readable,
  textField: string,
  answer: (lines: readonly Line[]) => Promise<void>,
): Promise<void> {
  let chunk: Line[] = []
  let number = 0
  // byte for byte: readline would break lines at U+2028, which JSON allows in a text, and decoding would hide broken UTF-8
  input.setEncoding('latin1')
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    const bytes = Buffer.from(line, 'latin1')
    const text = number === 1 ? bytes.toString().replace(/^\uFEFF/, '') : bytes.toString()
    if (text.trim() === '') continue
    chunk.push(isUtf8(bytes) ? parseLine(text, number, textField) : { number, fault: 'is not valid UTF-8' })
    if (chunk.length === CHUNK_LINES) {
      await answer(chunk)
      chunk = []
    }
  }
  await answer(chunk)
}

function parseLine(line: string, number: number, textField: string): Line {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return { number, fault: 'is not JSON' }
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
    return { number, fault: 'is not a JSON object' }
  const { [textField]: text, id } = parsed as Record<string, unknown>
  const named = id === undefined ? { number } : { number, id }
  if (typeof text !== 'string' || text.trim() === '') return { ...named, fault: `has no text in field "${textField}"` }
  const plain = htmlToText(text)
  if (plain === '') return { ...named, fault: `has markup and nothing to read in field "${textField}"` }
  if (!text.isWellFormed()) return { ...named, fault: `has a lone surrogate in field "${textField}"` }
  return { ...named, text: plain }
}

function prediction(
  labels: readonly string[],
  { logits, tokens, windows }: { logits: Float32Array; tokens: number; windows: number },
  temperature: number,
) {
  const probabilities = softmax(logits, temperature)
  const best = argmax(probabilities)
  return {
    label: labels[best],
    probability: probabilities[best],
    probabilities: Object.fromEntries(labels.map((label, i) => [label, probabilities[i]])),
    tokens,
    windows,
  }
}
