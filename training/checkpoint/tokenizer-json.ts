import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointInvalid } from '../../src/errors.js'

export interface CheckpointTokenizer {
  /** the content of a tokenizer.json */
  readonly json: string
  readonly doLowerCase: boolean
  /** rows that an embedding table needs: the largest id, added tokens included, plus 1 */
  readonly vocabSize: number
}

const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

/**
 * The tokenizer of a checkpoint folder: its tokenizer.json, or one made from vocab.txt with the `do_lower_case` of
 * tokenizer_config.json (true where it says nothing, as transformers does).
 * @throws CheckpointInvalid when there is neither, or it is no BERT WordPiece tokenizer
 */
export async function readTokenizer(folder: string): Promise<CheckpointTokenizer> {
  const file = join(folder, 'tokenizer.json')
  if (existsSync(file)) return parseTokenizer(file, await readFile(file, 'utf8'))
  const vocabulary = join(folder, 'vocab.txt')
  if (!existsSync(vocabulary)) {
    throw new CheckpointInvalid(
      folder,
      'has neither tokenizer.json nor vocab.txt; add the one that it was trained with',
    )
  }
  const settings = await readSettings(join(folder, 'tokenizer_config.json'))
  const tokens = (await readFile(vocabulary, 'utf8')).replace(/\r?\n$/, '').split(/\r?\n/)
  const missing = SPECIAL_TOKENS.slice(0, 4).filter((token) => !tokens.includes(token))
  if (missing.length > 0) {
    throw new CheckpointInvalid(vocabulary, `has no ${missing.join(', ')}; it is not a BERT vocabulary`)
  }
  const doLowerCase = settings.do_lower_case !== false
  return { json: wordPieceTokenizer(tokens, settings), doLowerCase, vocabSize: tokens.length }
}

function parseTokenizer(file: string, json: string): CheckpointTokenizer {
  let parsed: {
    model?: { type?: string; vocab?: Record<string, number> }
    normalizer?: { lowercase?: boolean } | null
    added_tokens?: { id: number }[]
  }
  try {
    parsed = JSON.parse(json)
  } catch {
    throw new CheckpointInvalid(file, 'is not JSON, or was cut short; download it again')
  }
  const vocabulary = parsed.model?.vocab
  if (vocabulary === undefined || (parsed.model?.type ?? 'WordPiece') !== 'WordPiece') {
    throw new CheckpointInvalid(file, `holds a ${parsed.model?.type ?? 'nameless'} model; BERT's WordPiece is needed`)
  }
  const ids = [...Object.values(vocabulary), ...(parsed.added_tokens ?? []).map(({ id }) => id)]
  const vocabSize = ids.reduce((largest, id) => Math.max(largest, id), -1) + 1
  return { json, doLowerCase: parsed.normalizer?.lowercase === true, vocabSize }
}

interface TokenizerSettings {
  readonly do_lower_case?: boolean
  readonly strip_accents?: boolean | null
  readonly tokenize_chinese_chars?: boolean
}

async function readSettings(file: string): Promise<TokenizerSettings> {
  if (!existsSync(file)) return {}
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch {
    throw new CheckpointInvalid(file, 'is not JSON')
  }
}

/** What transformers' BertTokenizerFast would save for the vocabulary. */
function wordPieceTokenizer(tokens: readonly string[], settings: TokenizerSettings): string {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]))
  const special = (token: string, type: number) => ({ SpecialToken: { id: token, type_id: type } })
  const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } })
  const template = (token: string) => [token, { id: token, ids: [vocab[token]], tokens: [token] }]
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.filter((token) => token in vocab).map((content) => ({
      id: vocab[content],
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: settings.tokenize_chinese_chars ?? true,
      strip_accents: settings.strip_accents ?? null,
      lowercase: settings.do_lower_case !== false,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)],
      pair: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0), sequence('B', 1), special('[SEP]', 1)],
      special_tokens: Object.fromEntries(['[CLS]', '[SEP]'].map(template)),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  })
}
