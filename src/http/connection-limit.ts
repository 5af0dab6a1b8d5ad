/**
 * A process may have so many files open, connections included. What is not a connection needs some: an engine that is started again,
 * a family that is reloaded, a scrape.
 */
import type { Server } from 'node:http'
import type { FastifyBaseLogger } from 'fastify'
import { Tally } from './tally.js'

/** An engine takes three, its start some more for a moment. */
const RESERVED = 256

/** @returns connections that may be open at once; at least half of the files are for them */
export function connectionLimit(openFiles: number): number {
  return Math.ceil(Math.max(openFiles / 2, openFiles - RESERVED))
}

/** Those beyond are closed as they come, and counted in the log. @param openFiles that this process may have */
export function limitConnections(
  server: Pick<Server, 'maxConnections' | 'on'>,
  openFiles: number,
  log: Pick<FastifyBaseLogger, 'warn'>,
): void {
  const maxConnections = connectionLimit(openFiles)
  const tally = new Tally((closed) =>
    log.warn({ closed, maxConnections, openFiles }, 'connections closed: no more can be open; raise ulimit -n'),
  )
  server.maxConnections = maxConnections
  server.on('drop', () => tally.add())
}
