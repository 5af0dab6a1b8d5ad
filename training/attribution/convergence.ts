/** A convergence delta beyond this many logits means that attributions do not add up: more steps are needed. */
export const LARGE_DELTA = 0.05
