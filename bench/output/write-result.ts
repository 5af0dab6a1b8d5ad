/** Where a bench's result goes: a table for people on the terminal, JSON for programs in a file or on stdout. */
import { writeFile } from 'node:fs/promises'
import type { Environment } from '../host/environment.js'

/** What every bench's result has. */
export interface BenchResult {
  readonly bench: string
  readonly environment: Environment
}

/** @param json a file, `-` for stdout (the table then goes to stderr), or undefined for none */
export async function writeResult(result: BenchResult, table: string, json: string | undefined): Promise<void> {
  const text = `${describe(result.environment)}\n\n${table}\n`
  if (json === undefined) process.stdout.write(text)
  else if (json === '-') {
    process.stderr.write(text)
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
  } else {
    process.stdout.write(text)
    await writeFile(json, `${JSON.stringify(result, null, 2)}\n`)
  }
}

function describe(environment: Environment): string {
  const { cpu, cpusAvailable, cpusOfHost, memoryGiB, gpus, platform, node, onnxruntime, lextier } = environment
  const { commit, command, date, loadAverage } = environment
  return [
    `${cpu}, ${cpusAvailable} of ${cpusOfHost} CPUs, ${memoryGiB} GiB${gpus.length > 0 ? `, ${gpus.join(', ')}` : ''}`,
    `${platform}, Node ${node}, onnxruntime-node ${onnxruntime}, lextier ${lextier} at ${commit ?? 'no commit'}`,
    `${date}, load average ${loadAverage} at the start`,
    command,
  ].join('\n')
}
