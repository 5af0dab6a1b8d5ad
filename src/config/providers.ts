/** Execution providers that may be asked for; `auto` chooses. */
export const PROVIDERS = ['auto', 'cpu', 'cuda', 'webgpu'] as const
