/**
 * Which execution providers to try, and why. Asking for one means that one or none. `auto` means the best that this
 * machine really has, and says what it left out.
 */
import type { GpuDevices } from '../onnx/gpu-devices.js'
import type { Provider } from '../onnx/providers.js'
import type { RequestedProvider } from './classifier-options.js'

export interface ProviderCandidate {
  readonly provider: Provider
  /** why it is tried, a clause */
  readonly why: string
}

export interface ProviderPlan {
  /** to try in this order until one can be used; a provider that was asked for stands alone */
  readonly candidates: readonly ProviderCandidate[]
  /** why the others are not tried, a sentence each */
  readonly leftOut: readonly string[]
}

export function planProviders(requested: RequestedProvider, gpus: Pick<GpuDevices, 'nvidia' | 'any'>): ProviderPlan {
  if (requested !== 'auto') return { candidates: [{ provider: requested, why: 'asked for' }], leftOut: [] }
  const candidates: ProviderCandidate[] = []
  const leftOut: string[] = []
  if (gpus.nvidia) candidates.push({ provider: 'cuda', why: 'there is an NVIDIA GPU' })
  else leftOut.push('cuda: there is no NVIDIA GPU device here')
  if (gpus.any) candidates.push({ provider: 'webgpu', why: 'there is a GPU' })
  else leftOut.push('webgpu: there is no GPU device here, and a software adapter is slower than the cpu provider')
  candidates.push({ provider: 'cpu', why: 'it runs everywhere' })
  return { candidates, leftOut }
}
