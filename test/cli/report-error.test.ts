import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeFailure } from '../../src/cli/report-error.js'
import { ColumnNotFound, InvalidConfiguration } from '../../src/errors.js'

test('an error of ours is printed as its code and sentence; only a wrong command line or configuration exits with 2', () => {
  assert.deepEqual(describeFailure(new ColumnNotFound('x', '"a", "b"')), {
    text: 'COLUMN_NOT_FOUND: there is no column "x"; the file has: "a", "b"\n',
    exitCode: 1,
  })
  assert.equal(describeFailure(new InvalidConfiguration('--port', 'a number')).exitCode, 2)
})

test('a package that only training needs and that is not installed is named with the way to install it', async () => {
  const missing: string = '@lextier/no-such-package'
  const error = await import(missing).catch((reason: unknown) => reason)
  const { text, exitCode } = describeFailure(error)
  assert.match(text, /^TRAINING_NOT_INSTALLED: .*"@lextier\/no-such-package".*npm ci/)
  assert.equal(exitCode, 1)
})

test('a write that finds no space, wherever it was made, is named with the file and the way out', () => {
  const error = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    path: 'runs/x.csv',
  })
  const { text, exitCode } = describeFailure(error)
  assert.match(text, /^DISK_FULL: runs\/x\.csv cannot be written: no space is left\. .*--resume/)
  assert.equal(exitCode, 1)
})

test('a defect is printed with its stack', () => {
  assert.match(describeFailure(new RangeError('odd')).text, /^INTERNAL: RangeError: odd\n {4}at /)
})
