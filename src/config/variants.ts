/** Forms of a model that may be asked for; `auto` chooses. */
export const VARIANTS = ['auto', 'fused_int8', 'fused_fp16', 'fused_fp32', 'portable'] as const
