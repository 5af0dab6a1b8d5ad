/// <reference lib="es2024.string" />
import { Parser } from 'htmlparser2'

/** Elements that read as separate lines or cells: their edges part words. */
const BLOCKS = new Set(
  'address article aside blockquote br caption dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol option p pre section table tbody td tfoot th thead title tr ul'.split(
    ' ',
  ),
)
/** Elements whose content nobody reads. */
const UNREAD = new Set(['script', 'style', 'template', 'noscript'])
const LONE_SURROGATES = /\p{Surrogate}/gu
const UNTIDY = /[^\S ]| {2}/

/** @returns whether anything but white space may be other in a text's `htmlToText` */
export function mayHoldMarkup(text: string): boolean {
  return /[<&]/.test(text)
}

/**
 * The text of an HTML fragment: tags removed, entities decoded, edges of block elements become spaces, runs of white
 * space become one space. Plain text comes back as it is but for white space; a bare `<` before a space or digit stays.
 */
export function htmlToText(html: string): string {
  if (!mayHoldMarkup(html)) return tidyText(html)
  const pieces: string[] = []
  let unread = 0
  const parser = new Parser({
    onopentagname(name) {
      if (UNREAD.has(name)) unread++
      if (BLOCKS.has(name)) pieces.push(' ')
    },
    onclosetag(name) {
      if (UNREAD.has(name)) unread--
      if (BLOCKS.has(name)) pieces.push(' ')
    },
    ontext(text) {
      if (unread === 0) pieces.push(text)
    },
  })
  parser.end(html)
  return tidyText(pieces.join(''))
}

/** White space collapsed and trimmed; lone surrogates, which no tokenizer can encode, become U+FFFD. */
export function tidyText(text: string): string {
  const whole = text.isWellFormed() ? text : text.replace(LONE_SURROGATES, '\uFFFD')
  // looking costs a tenth of replacing
  return (UNTIDY.test(whole) ? whole.replace(/\s+/g, ' ') : whole).trim()
}
