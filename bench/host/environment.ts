/** What a figure depends on beside the code: machine, versions, commit, command, date. */
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { cpus, loadavg, totalmem } from 'node:os'
import { packageRoot, packageVersion } from '../../src/cli/package-root.js'
import { cpuQuota } from '../../src/serving/cpu-quota.js'

export interface Environment {
  readonly cpu: string
  /** CPUs that this process may use: affinity and container quota */
  readonly cpusAvailable: number
  readonly cpusOfHost: number
  readonly memoryGiB: number
  /** names; empty where nvidia-smi finds none */
  readonly gpus: readonly string[]
  readonly platform: string
  readonly node: string
  readonly onnxruntime: string
  readonly lextier: string
  /** short hash; `+changes` after it when tracked files differ from it; null outside of a checkout */
  readonly commit: string | null
  readonly command: string
  /** ISO 8601 */
  readonly date: string
  /** one-minute load average when the bench began: above 0 something else was running */
  readonly loadAverage: number
}

/** The checkout, whether the bench runs from its source or from dist. */
export const REPOSITORY = `${packageRoot()}/`

/** Call it before the bench begins, for the load average. */
export function describeEnvironment(): Environment {
  const require = createRequire(import.meta.url)
  const versionOf = (manifest: string) => (require(manifest) as { version: string }).version
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpusAvailable: cpuQuota(),
    cpusOfHost: cpus().length,
    memoryGiB: Math.round((Math.min(totalmem(), process.constrainedMemory() || Infinity) / 2 ** 30) * 10) / 10,
    gpus: output('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'])?.split('\n') ?? [],
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    onnxruntime: versionOf('onnxruntime-node/package.json'),
    lextier: packageVersion(),
    commit: commit(),
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    date: new Date().toISOString(),
    loadAverage: Math.round(loadavg()[0]! * 100) / 100,
  }
}

function commit(): string | null {
  const hash = output('git', ['rev-parse', '--short', 'HEAD'])
  if (hash === undefined) return null
  return output('git', ['status', '--porcelain', '--untracked-files=no']) ? `${hash}+changes` : hash
}

/** @returns undefined when the program is missing, fails or says nothing */
function output(program: string, args: readonly string[]): string | undefined {
  try {
    const text = execFileSync(program, args, { cwd: REPOSITORY, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return text.trim() || undefined
  } catch {
    return undefined
  }
}
