import { packageVersion } from '../../src/cli/package-root.js'
import { type ServerFlags, startServer } from '../host/running-server.js'
import type { Candidate, Layout, ServedModel } from './candidate.js'

const READY_TIMEOUT_MS = 300_000

/** lextier as its users start it; how many texts a batch has is its own affair. */
export function lextierCandidate(
  { family, tier }: ServedModel,
  server: ServerFlags,
  layouts: readonly Layout[],
  onnxruntime: string,
): Candidate {
  return {
    name: 'lextier',
    versions: { lextier: packageVersion(), 'onnxruntime-node': onnxruntime },
    layouts: layouts.filter(({ batch }) => batch === layouts[0]!.batch),
    async start({ workers, threads }, cpus) {
      const running = await startServer(
        { ...server, cpus, engines: String(workers), threads: String(threads) },
        READY_TIMEOUT_MS,
      )
      return {
        url: new URL('/v1/predict', running.origin),
        headers: { 'x-tier': tier, 'x-family': family.manifest.name },
        pid: running.pid,
        readyAfterMs: running.readyAfterMs,
        stop: () => running.stop(),
      }
    },
    requestBody: (text) => Buffer.from(JSON.stringify({ text })),
    labelOf: (answer) => (answer as { predictions?: { label?: string }[] }).predictions?.[0]?.label,
  }
}
