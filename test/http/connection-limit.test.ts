import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { connectionLimit, limitConnections } from '../../src/http/connection-limit.js'

test('some files are left for what is no connection, and at least half of all are for connections', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 1_048_576 }), (openFiles) => {
      const limit = connectionLimit(openFiles)
      assert.ok(limit >= openFiles / 2 && limit < openFiles)
      if (openFiles >= 512) assert.equal(openFiles - limit, 256)
    }),
  )
})

test('connections beyond the limit are closed, and a line of the log says how many', async (t) => {
  const server = createServer()
  const told = new Promise<object>((resolve) => limitConnections(server, 4, { warn: resolve }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets = Array.from({ length: 5 }, () => connect(port, '127.0.0.1'))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  let closed = 0
  for (const socket of sockets) {
    socket.on('error', () => {})
    socket.once('close', () => closed++)
    socket.resume()
  }
  assert.deepEqual(await told, { closed: 3, maxConnections: 2, openFiles: 4 })
  assert.equal(closed, 3)
})
