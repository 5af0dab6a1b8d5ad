/**
 * A WordPiece tokenizer.json of some 200 tokens, written for the tests: BERT's special tokens, ASCII characters alone and as
 * continuations, so that every ASCII text can be split, and a few words and endings of legal English.
 */
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
const WORDS =
  'the of to and in court petitioner respondent was convicted statute law state appeal held right case judge jury district'
const ENDINGS = 'ed ing er ion al ly s ent ment tion able'

export function tinyTokenizer(): { json: string; vocabSize: number } {
  const characters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).filter((c) => !/[A-Z]/.test(c))
  const letters = characters.filter((c) => /[a-z0-9]/.test(c))
  const tokens = [
    ...SPECIAL,
    ...characters,
    ...letters.map((c) => `##${c}`),
    ...WORDS.split(' '),
    ...ENDINGS.split(' ')
      .filter((ending) => ending.length > 1)
      .map((ending) => `##${ending}`),
  ]
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]))
  const special = (content: string) => ({ id: content, ids: [vocab[content]], tokens: [content] })
  const template = (content: string) => ({ SpecialToken: { id: content, type_id: 0 } })
  const json = JSON.stringify({
    version: '1.0',
    truncation: { max_length: 128, strategy: 'LongestFirst', stride: 0, direction: 'Right' },
    padding: null,
    added_tokens: SPECIAL.map((content) => ({
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
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [template('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, template('[SEP]')],
      pair: [
        template('[CLS]'),
        { Sequence: { id: 'A', type_id: 0 } },
        template('[SEP]'),
        { Sequence: { id: 'B', type_id: 0 } },
        template('[SEP]'),
      ],
      special_tokens: { '[CLS]': special('[CLS]'), '[SEP]': special('[SEP]') },
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
  return { json, vocabSize: tokens.length }
}
