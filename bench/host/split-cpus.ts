/** CPUs of the server's own, so that what sends the load takes nothing from what is measured (Linux, taskset). */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { InvalidConfiguration } from '../../src/errors.js'
import { formatCpuList, parseCpuList } from './cpu-list.js'

/** Ascending, without a CPU in common; neither is empty. */
export interface CpuSplit {
  readonly server: readonly number[]
  readonly generator: readonly number[]
}

const FLAG = '--server-cpus'

/**
 * @param list CPUs of the server, such as "0-3,8"
 * @param allowed CPUs that this process may run on
 * @throws InvalidConfiguration when the list is none, names a CPU that is not allowed, or leaves none for the generator
 */
export function splitCpus(list: string, allowed: readonly number[]): CpuSplit {
  const server = parseCpuList(list)
  if (!server) throw new InvalidConfiguration(FLAG, `"${list}" is not a list of CPUs, such as 0-3,8`)
  const missing = server.filter((cpu) => !allowed.includes(cpu))
  const [ours, theirs] = [formatCpuList(allowed), formatCpuList(missing)]
  if (missing.length > 0) throw new InvalidConfiguration(FLAG, `this process may use CPUs ${ours}, and not ${theirs}`)
  const generator = allowed.filter((cpu) => !server.includes(cpu))
  if (generator.length > 0) return { server, generator }
  throw new InvalidConfiguration(
    FLAG,
    `${list} leaves the load generator none of the CPUs ${ours}; leave it at least one`,
  )
}

/**
 * Moves this process, with all of its threads and what it starts from now on, to the CPUs that the list leaves. What is to
 * run on the server's is started with `onCpus`.
 * @throws InvalidConfiguration as splitCpus does, and where the system or taskset does not let it
 */
export function moveOffServerCpus(list: string): CpuSplit {
  const split = splitCpus(list, allowedCpus())
  try {
    const args = ['-a', '-p', '-c', formatCpuList(split.generator), String(process.pid)]
    execFileSync('taskset', args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string }
    const reason = code === 'ENOENT' ? 'it is not installed (package util-linux)' : stderr?.trim() || message
    throw new InvalidConfiguration(FLAG, `it needs the program taskset: ${reason}`)
  }
  return split
}

/** @param cpus a list; undefined: wherever this process runs. @returns the command line that runs on them, with the same process id */
export function onCpus(
  cpus: string | undefined,
  program: string,
  args: readonly string[],
): readonly [program: string, args: readonly string[]] {
  return cpus === undefined ? [program, args] : ['taskset', ['-c', cpus, program, ...args]]
}

function allowedCpus(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    const cpus = parseCpuList(list ?? '')
    if (cpus) return cpus
  } catch {
    // no /proc here
  }
  throw new InvalidConfiguration(FLAG, 'this system does not tell which CPUs a process may use; leave it out')
}
