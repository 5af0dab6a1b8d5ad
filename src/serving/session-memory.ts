/** Whether the runs of a model on a CPU keep their memory for the next. */
import type { EncoderConfig } from '../family/encoder-config.js'
import { isQuick } from './session-threads.js'

/**
 * ONNX Runtime's arena grows to the largest batch that a session has ever run, in powers of two, and gives nothing back: some 40 MiB for
 * each of the sessions of a six-layer model, of which an engine has several. Without it, a run asks the allocator of the process, which
 * all of its sessions share. Models of three and six layers took 1% longer, where that allocator keeps what it is given back (the
 * server has it do so); one of a single layer, which takes 0.4 ms, 6%.
 */
export function keepsMemory(config: EncoderConfig): boolean {
  return isQuick(config)
}
