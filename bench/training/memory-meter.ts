import { execFileSync } from 'node:child_process'

/**
 * @param device what the engine says it runs on
 * @returns a function that reads, in MiB, what the device has given out since the meter was made (CUDA: of the first GPU, by
 * nvidia-smi), or the process' largest resident set (CPU); undefined where neither can be told
 */
export function memoryMeter(device: string): () => number | undefined {
  if (device === 'cuda') {
    const before = gpuMemory()
    return () => {
      const now = gpuMemory()
      return now === undefined || before === undefined ? undefined : now - before
    }
  }
  return device === 'cpu' ? () => Math.round(process.resourceUsage().maxRSS / 1024) : () => undefined
}

function gpuMemory(): number | undefined {
  try {
    const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits', '--id=0']
    return Number(execFileSync('nvidia-smi', query, { encoding: 'utf8' }).trim())
  } catch {
    return undefined
  }
}
