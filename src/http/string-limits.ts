/** JSON Schema's minLength and maxLength for Ajv, in time that depends on the limit and not on the string. */
import { _, type Ajv, str } from 'ajv'

/**
 * Ajv's own keywords count every character before they compare: milliseconds of the event loop for a text of 1 MiB.
 * @returns the validator, with both keywords exchanged
 */
export function withStringLimits(ajv: Ajv): Ajv {
  exchange(ajv, 'minLength', 'fewer', (limit, text) => characters(text, limit) >= limit)
  exchange(ajv, 'maxLength', 'more', (limit, text) => characters(text, limit + 1) <= limit)
  return ajv
}

function exchange(ajv: Ajv, keyword: string, words: string, fits: (limit: number, text: string) => boolean): void {
  ajv.removeKeyword(keyword)
  ajv.addKeyword({
    keyword,
    type: 'string',
    schemaType: 'number',
    validate: fits,
    errors: false,
    error: {
      message: ({ schemaCode }) => str`must NOT have ${words} than ${schemaCode} characters`,
      params: ({ schemaCode }) => _`{limit: ${schemaCode}}`,
    },
  })
}

/** @returns the code points of a text, counted no further than `most` */
export function characters(text: string, most: number): number {
  let count = 0
  for (const _character of text) {
    if (count >= most) break
    count++
  }
  return count
}
