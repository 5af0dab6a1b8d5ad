import { existsSync, readdirSync } from 'node:fs'

/** What this machine shows of GPUs, without loading any driver. */
export interface GpuDevices {
  readonly nvidia: boolean
  /** any GPU that a graphics interface could drive */
  readonly any: boolean
}

/** Looks for device nodes on Linux; elsewhere a desktop's graphics interface always has an adapter. */
export function findGpuDevices(platform: NodeJS.Platform = process.platform): GpuDevices {
  if (platform === 'darwin') return { nvidia: false, any: true }
  if (platform !== 'linux') return { nvidia: existsSync('C:\\Windows\\System32\\nvcuda.dll'), any: true }
  const nvidia = existsSync('/dev/nvidia0') || existsSync('/dev/dxg')
  return { nvidia, any: nvidia || (existsSync('/dev/dri') && readdirSync('/dev/dri').some(isRenderNode)) }
}

function isRenderNode(entry: string): boolean {
  return entry.startsWith('renderD')
}
