import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import tokenizers from 'tokenizers'
import { readTokenizer } from '../../../training/checkpoint/tokenizer-json.js'
import { loadGolden } from '../nn/golden.js'
import { alterJson, copyOf } from './folders.js'

const { inputs } = await loadGolden('tiny-bert')

for (const doLowerCase of [true, false]) {
  test(`a vocab.txt with do_lower_case ${doLowerCase} tokenizes as transformers does`, async (t) => {
    const folder = await copyOf(t, 'tiny-bert')
    await alterJson(join(folder, 'tokenizer_config.json'), { do_lower_case: doLowerCase })
    const { json, doLowerCase: found } = await readTokenizer(folder)
    assert.equal(found, doLowerCase)
    const tokenizer = tokenizers.Tokenizer.fromString(json)
    const expected: number[][] = inputs.tokens[doLowerCase ? 'lower' : 'cased']
    for (const [index, text] of (inputs.texts as string[]).entries()) {
      assert.deepEqual((await tokenizer.encode(text)).getIds(), expected[index])
    }
  })
}

test('a folder’s own tokenizer.json is taken as it is', async (t) => {
  const folder = await copyOf(t, 'tiny-bert')
  const { json } = await readTokenizer(folder)
  const own = json.replace('"lowercase":true', '"lowercase":false')
  await writeFile(join(folder, 'tokenizer.json'), own)
  assert.deepEqual(await readTokenizer(folder), { json: own, doLowerCase: false, vocabSize: 40 })
})

test('upper case is folded where no tokenizer_config.json says otherwise', async (t) => {
  const folder = await copyOf(t, 'tiny-bert')
  await rm(join(folder, 'tokenizer_config.json'))
  assert.equal((await readTokenizer(folder)).doLowerCase, true)
})

test('a tokenizer that is missing, broken or of another kind is named', async (t) => {
  const folder = await copyOf(t, 'tiny-bert')
  const fails = (message: RegExp) => assert.rejects(readTokenizer(folder), { code: 'CHECKPOINT_INVALID', message })
  await writeFile(join(folder, 'vocab.txt'), 'the\ncourt\n')
  await fails(/vocab\.txt: has no \[PAD\], \[UNK\], \[CLS\], \[SEP\]/)
  await rm(join(folder, 'vocab.txt'))
  await fails(/has neither tokenizer\.json nor vocab\.txt/)
  await writeFile(join(folder, 'tokenizer.json'), '{"model": {"type": "BPE", "vocab": {}}}')
  await fails(/tokenizer\.json: holds a BPE model/)
  await writeFile(join(folder, 'tokenizer.json'), '{"model": {')
  await fails(/tokenizer\.json: is not JSON/)
})
