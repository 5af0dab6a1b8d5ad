import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFileLimit, parseOpenFileLimit } from '../../src/cli/open-files.js'

test('the limit of open files is the soft one; none where there is none', () => {
  const limits = (soft: string) =>
    `Limit                     Soft Limit           Hard Limit           Units     \n` +
    `Max processes             63704                63704                processes \n` +
    `Max open files            ${soft.padEnd(20)} 1048576              files     \n`
  assert.equal(parseOpenFileLimit(limits('1024')), 1_024)
  assert.equal(parseOpenFileLimit(limits('unlimited')), undefined)
  assert.equal(parseOpenFileLimit(''), undefined)
})

test('this system says what its limit is, if it is Linux', () => {
  const limit = openFileLimit()
  if (process.platform === 'linux') assert.ok(limit === undefined || limit > 16)
  else assert.equal(limit, undefined)
})
