import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { characters, withStringLimits } from '../../src/http/string-limits.js'

const anyText = fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\ud83d'), maxLength: 12 })

test('strings are accepted and refused as by the JSON Schema keywords of Ajv, in the same words', () =>
  fc.assert(
    fc.property(anyText, fc.nat(8), fc.nat(8), (text, minLength, maxLength) => {
      const schema = { type: 'string', minLength, maxLength }
      const [own, original] = [withStringLimits(new Ajv({ allErrors: true })), new Ajv({ allErrors: true })].map(
        (ajv) => {
          const validate = ajv.compile(schema)
          return [validate(text), validate.errors?.map(({ keyword, message, params }) => [keyword, message, params])]
        },
      )
      // each keyword's error, in whichever order
      assert.deepEqual([own![0], new Set(own![1] as [])], [original![0], new Set(original![1] as [])])
    }),
  ))

test('no more characters are looked at than the limit needs', () => {
  let looked = 0
  const text = {
    *[Symbol.iterator]() {
      for (;;) {
        looked++
        yield 'a'
      }
    },
  }
  assert.equal(characters(text as unknown as string, 3), 3)
  assert.ok(looked <= 4)
})
