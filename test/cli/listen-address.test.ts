import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkListenAddress, listenFailure } from '../../src/cli/listen-address.js'

test('a free port can be listened on afterwards, and an address of another machine is named', async () => {
  await checkListenAddress({ host: '127.0.0.1', port: 0 })
  // TEST-NET-1 (RFC 5737): never an address of this machine
  await assert.rejects(checkListenAddress({ host: '192.0.2.1', port: 0 }), /LEXTIER_HOST.*192\.0\.2\.1/)
})

test('a listen error names the setting that caused it', () => {
  const failure = (code: string) =>
    listenFailure(Object.assign(new Error(code), { code }), { host: '0.0.0.0', port: 80 }).message
  assert.match(failure('EADDRINUSE'), /LEXTIER_PORT.*port 80 of 0\.0\.0\.0 is in use/)
  assert.match(failure('EACCES'), /LEXTIER_PORT.*above 1023/)
  assert.match(failure('ENOTFOUND'), /LEXTIER_HOST/)
  assert.equal(failure('EMFILE'), 'EMFILE')
})
