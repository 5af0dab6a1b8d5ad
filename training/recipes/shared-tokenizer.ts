import { InvalidConfiguration } from '../../src/errors.js'

interface TokenizerJson {
  readonly model?: { readonly vocab?: Readonly<Record<string, number>> }
  readonly normalizer?: { readonly lowercase?: boolean; readonly strip_accents?: boolean | null } | null
}

/**
 * Teacher and student read the same ids: equal vocabularies, and texts normalised alike. What else a tokenizer.json holds
 * (padding, truncation) may differ.
 * @param source the key that names the student's checkpoint, for the message
 * @throws InvalidConfiguration naming the first difference
 */
export function assertSameTokenizer(source: string, { own, teacher }: { own: string; teacher: string }): void {
  if (own === teacher) return
  const difference = firstDifference(JSON.parse(own), JSON.parse(teacher))
  if (difference === undefined) return
  throw new InvalidConfiguration(
    source,
    `its tokenizer is not the teacher's: ${difference}. Teacher and students share one tokenizer; ` +
      'choose a checkpoint made with it, or an architecture that starts random',
  )
}

function firstDifference(own: TokenizerJson, teacher: TokenizerJson): string | undefined {
  const [ours, theirs] = [own.model?.vocab ?? {}, teacher.model?.vocab ?? {}]
  const tokens = new Set([...Object.keys(theirs), ...Object.keys(ours)])
  for (const token of tokens) {
    if (ours[token] === theirs[token]) continue
    return `"${token}" is ${idOf(ours, token)} here and ${idOf(theirs, token)} there`
  }
  const [a, b] = [normalisation(own), normalisation(teacher)]
  return a === b ? undefined : `it ${a}, the teacher's ${b}`
}

function idOf(vocabulary: Readonly<Record<string, number>>, token: string): string {
  return Object.hasOwn(vocabulary, token) ? `id ${vocabulary[token]}` : 'no token'
}

/** BERT strips accents where it lowers case, unless told otherwise. */
function normalisation({ normalizer }: TokenizerJson): string {
  const lowercase = normalizer?.lowercase === true
  const accents = normalizer?.strip_accents ?? lowercase
  return `${lowercase ? 'lowers' : 'keeps'} case and ${accents ? 'strips' : 'keeps'} accents`
}
