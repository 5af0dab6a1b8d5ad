import type { Provider } from '../onnx/providers.js'

/** Longer than a lone text takes on a GPU and back: callers that ask one thing after the other find everybody awake. */
const AWAKE_MS = 2
/** Below so many, a CPU that waits busily would be taken from somebody. */
const FEWEST_CPUS = 8

/** @returns for how long the processes along a request's way stay awake after work, ms; 0: not at all */
export function awakeMs(provider: Provider, cpus: number): number {
  return provider !== 'cpu' && cpus >= FEWEST_CPUS ? AWAKE_MS : 0
}
