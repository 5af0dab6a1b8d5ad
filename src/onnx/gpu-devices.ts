import { existsSync, readdirSync } from 'node:fs'

/** What this machine shows of GPUs, without loading any driver. */
export interface GpuDevices {
  readonly nvidia: boolean
  /** how many NVIDIA GPUs there are, as far as can be seen; at least 1 where there is one */
  readonly nvidiaCount: number
  /** any GPU that a graphics interface could drive */
  readonly any: boolean
}

/** Looks for device nodes on Linux; elsewhere a desktop's graphics interface always has an adapter. */
export function findGpuDevices(platform: NodeJS.Platform = process.platform): GpuDevices {
  if (platform === 'darwin') return { nvidia: false, nvidiaCount: 0, any: true }
  if (platform !== 'linux') {
    const nvidia = existsSync('C:\\Windows\\System32\\nvcuda.dll')
    return { nvidia, nvidiaCount: nvidia ? 1 : 0, any: true }
  }
  const nodes = existsSync('/dev') ? readdirSync('/dev').filter((entry) => /^nvidia\d+$/.test(entry)).length : 0
  const nvidiaCount = nodes > 0 ? nodes : existsSync('/dev/dxg') ? 1 : 0
  const nvidia = nvidiaCount > 0
  return { nvidia, nvidiaCount, any: nvidia || (existsSync('/dev/dri') && readdirSync('/dev/dri').some(isRenderNode)) }
}

/**
 * @param count GPUs of the machine
 * @param visible CUDA_VISIBLE_DEVICES: those that CUDA shows to programs, up to the first that is none
 * @returns GPUs that a program can use, numbered from 0; at least 1, so that CUDA itself says what is wrong with the variable
 */
export function visibleGpus(count: number, visible: string | undefined): number {
  if (visible === undefined) return Math.max(1, count)
  const named = visible.split(',').map((entry) => entry.trim())
  const end = named.findIndex((entry) => entry === '' || entry.startsWith('-'))
  return Math.max(1, end === -1 ? named.length : end)
}

function isRenderNode(entry: string): boolean {
  return entry.startsWith('renderD')
}
