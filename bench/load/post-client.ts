/** POST over connections that stay open. A new connection is opened whenever none is free. */
import { Agent, type OutgoingHttpHeaders, request } from 'node:http'

export type PostOutcome = { readonly statusCode: number; readonly body: Buffer } | { readonly errorCode: string }

export interface PostClient {
  /** never rejects: an error is an outcome, with the network's code (`ECONNRESET`) or `CLIENT_TIMEOUT` */
  post(body: Buffer, headers: OutgoingHttpHeaders): Promise<PostOutcome>
  close(): void
}

/** @param timeoutMs from the send; the request is then abandoned */
export function createPostClient(url: URL, timeoutMs: number): PostClient {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 4_096, scheduling: 'lifo' })
  return {
    post: (body, headers) =>
      new Promise((resolve) => {
        const outgoing = request(url, {
          method: 'POST',
          agent,
          headers: { 'content-type': 'application/json', 'content-length': body.length, ...headers },
        })
        const abandon = setTimeout(() => outgoing.destroy(new TimedOut()), timeoutMs)
        const settle = (outcome: PostOutcome) => {
          clearTimeout(abandon)
          resolve(outcome)
        }
        const failed = (error: NodeJS.ErrnoException) => settle({ errorCode: error.code ?? error.name })
        outgoing.on('error', failed)
        outgoing.on('response', (response) => {
          response.on('error', failed)
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => settle({ statusCode: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
        })
        outgoing.end(body)
      }),
    close: () => agent.destroy(),
  }
}

class TimedOut extends Error {
  readonly code = 'CLIENT_TIMEOUT'
}
