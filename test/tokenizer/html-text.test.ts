import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { htmlToText, tidyText } from '../../src/tokenizer/html-text.js'

test('tags go, entities are decoded, blocks part words and inline elements do not', () => {
  for (const [html, text] of [
    ['<p>One</p><p>two</p>', 'One two'],
    ['wo<em>r</em>d', 'word'],
    ['a<br>b<br/>c', 'a b c'],
    ['<ul><li>x</li><li>y</li></ul>', 'x y'],
    ['Roe&nbsp;&amp;&#160;Wade &lt;1973&gt; &sect; 5', 'Roe & Wade <1973> § 5'],
    ['<a href="x > y" title="<b>">link</a>', 'link'],
    ['before<script>if (a < b) {}</script><style>p{}</style>after', 'beforeafter'],
    ['<!-- note -->kept', 'kept'],
    ['<P CLASS=x>Upper</P>', 'Upper'],
    ['<p>never closed', 'never closed'],
  ] as const) {
    assert.equal(htmlToText(html), text, html)
  }
})

test('plain text with a bare < or & stays', () => {
  assert.equal(htmlToText('5 < 6 & AT&T, <3'), '5 < 6 & AT&T, <3')
})

test('text without markup only has its white space collapsed', () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !/[<&]/.test(text)),
      (text) => htmlToText(text) === tidyText(text),
    ),
  )
})

test('the text of escaped text is the text', () => {
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  fc.assert(fc.property(fc.string(), (text) => htmlToText(escaped(text)) === tidyText(text)))
})

test('lone surrogates become replacement characters, pairs stay', () => {
  assert.equal(tidyText('a\ud800b 🙂\udc00'), 'a\uFFFDb 🙂\uFFFD')
})
