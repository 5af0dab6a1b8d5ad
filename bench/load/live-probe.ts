/** Asks an address again and again while something else goes on: is the server's event loop free? */
import { Agent, get } from 'node:http'
import { type DurationPercentiles, durationPercentiles } from './percentile.js'

export interface LiveProbe {
  /** ends the probing. @returns times of the answers, and how many probes failed or were not 200 */
  stop(): Promise<DurationPercentiles & { readonly probes: number; readonly failed: number }>
}

/** One probe each `intervalMs`, sent whether or not the one before was answered, over connections of its own. */
export function startLiveProbe(url: string, intervalMs: number): LiveProbe {
  const agent = new Agent({ keepAlive: true })
  const pending: Promise<number | undefined>[] = []
  const timer = setInterval(() => pending.push(timedGet(url, agent)), intervalMs)
  return {
    async stop() {
      clearInterval(timer)
      const times = await Promise.all(pending)
      agent.destroy()
      const answered = times.filter((ms) => ms !== undefined)
      return { probes: times.length, failed: times.length - answered.length, ...durationPercentiles(answered) }
    },
  }
}

/** @returns ms from the call to the last byte; undefined when it failed or was not 200 */
function timedGet(url: string, agent: Agent): Promise<number | undefined> {
  const sentMs = performance.now()
  return new Promise((resolve) => {
    get(url, { agent }, (response) => {
      response.on('error', () => resolve(undefined))
      response.on('end', () => resolve(response.statusCode === 200 ? performance.now() - sentMs : undefined))
      response.resume()
    }).on('error', () => resolve(undefined))
  })
}
