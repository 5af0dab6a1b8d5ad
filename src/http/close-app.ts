import type { App } from './app-types.js'

/** Long enough for an answer that is being written. */
const ANSWER_MS = 500

/**
 * Once no request is in flight. Node waits for connections that have sent nothing yet, or half a request, as for those that have one:
 * browsers and load balancers open some in advance. They are closed soon after the others.
 */
export async function closeApp(app: Pick<App, 'close' | 'server'>): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), ANSWER_MS)
  await app.close()
  clearTimeout(timer)
}
