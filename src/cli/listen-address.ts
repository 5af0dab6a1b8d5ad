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

const API_PORT = 'LEXTIER_PORT (--port)'
export const MANAGEMENT_PORT = 'LEXTIER_MANAGEMENT_PORT (--management-port)'

/** @returns how a server listens; its log says where, and whoever starts one reads the address from that line */
export function listenOptions({ host, port }: ListenAddress): FastifyListenOptions {
  return { host, port, backlog: LISTEN_BACKLOG, listenTextResolver: (address) => `lextier listens on ${address}` }
}

/** @returns the same of the management port; the words differ, since the API's address is read from them */
export function managementListenOptions({ host, port }: ListenAddress): FastifyListenOptions {
  return { host, port, listenTextResolver: (address) => `health and metrics on ${address}` }
}

/** @throws InvalidConfiguration when this process cannot listen there */
export async function checkListenAddress(address: ListenAddress, portSetting = API_PORT): Promise<void> {
  const server = createServer()
  try {
    server.listen(address.port, address.host)
    await once(server, 'listening')
  } catch (error) {
    throw listenFailure(error as NodeJS.ErrnoException, address, portSetting)
  }
  server.close()
  await once(server, 'close')
}

/** @returns a listen error as a sentence about the setting that caused it */
export function listenFailure(
  error: NodeJS.ErrnoException,
  { host, port }: ListenAddress,
  portSetting = API_PORT,
): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new InvalidConfiguration(
        portSetting,
        `port ${port} of ${host} is in use; give another one, or 0 for a free one`,
      )
    case 'EACCES':
      return new InvalidConfiguration(portSetting, `this user may not listen on port ${port}; give one above 1023`)
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

/** @throws InvalidConfiguration when this process cannot listen on both ports at once, or on one of them */
export async function checkListenAddresses({
  host,
  port,
  managementPort,
}: ListenAddress & { readonly managementPort?: number }) {
  await checkListenAddress({ host, port })
  if (managementPort === undefined) return
  if (managementPort === port && port !== 0) {
    throw new InvalidConfiguration(
      MANAGEMENT_PORT,
      `the API listens on port ${port}; give another one, or 0 for a free one`,
    )
  }
  await checkListenAddress({ host, port: managementPort }, MANAGEMENT_PORT)
}
