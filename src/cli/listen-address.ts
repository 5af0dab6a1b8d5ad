/** Whether the server can listen where it is told to: asked before engines are started, which takes seconds. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { FastifyListenOptions } from 'fastify'
import { InvalidConfiguration } from '../errors.js'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Connections that wait to be accepted: callers that come at once after a start. The system has a limit of its own; beyond it, they try again a second later. */
const LISTEN_BACKLOG = 4_096

/** @returns how a server listens; its log says where, and whoever starts one reads the address from that line */
export function listenOptions({ host, port }: ListenAddress): FastifyListenOptions {
  return { host, port, backlog: LISTEN_BACKLOG, listenTextResolver: (address) => `lextier listens on ${address}` }
}

/** @throws InvalidConfiguration when this process cannot listen there */
export async function checkListenAddress(address: ListenAddress): Promise<void> {
  const server = createServer()
  try {
    server.listen(address.port, address.host)
    await once(server, 'listening')
  } catch (error) {
    throw listenFailure(error as NodeJS.ErrnoException, address)
  }
  server.close()
  await once(server, 'close')
}

/** @returns a listen error as a sentence about the setting that caused it */
export function listenFailure(error: NodeJS.ErrnoException, { host, port }: ListenAddress): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new InvalidConfiguration(
        'LEXTIER_PORT (--port)',
        `port ${port} of ${host} is in use; give another one, or 0 for a free one`,
      )
    case 'EACCES':
      return new InvalidConfiguration(
        'LEXTIER_PORT (--port)',
        `this user may not listen on port ${port}; give one above 1023`,
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new InvalidConfiguration(
        'LEXTIER_HOST (--host)',
        `${host} is no address of this machine; 0.0.0.0 is every one`,
      )
    default:
      return error
  }
}
