/** What a peer is to the bench, and what each is told in the same words. */
import { join } from 'node:path'
import type { Candidate, Layout, ServedModel } from './candidate.js'
import { PEERS_FOLDER } from './install-peer.js'

export interface Peer {
  readonly name: string
  /** @throws PeerNotInstalled */
  prepare(model: ServedModel, layouts: readonly Layout[], installFolder: string): Promise<Candidate>
}

export type Environment = Record<string, string>

export function sharedEnvironment(model: ServedModel, { workers, threads, batch }: Layout, port: number): Environment {
  return {
    PEER_COMMON: join(PEERS_FOLDER, 'common'),
    PEER_PORT: String(port),
    PEER_MODEL: model.modelFile,
    PEER_TOKENIZER: model.tokenizerFile,
    PEER_LABELS: JSON.stringify(model.labels),
    PEER_MAX_TOKENS: String(model.maxTokens),
    PEER_WORKERS: String(workers),
    PEER_THREADS: String(threads),
    PEER_BATCH: String(batch),
    // ONNX Runtime has its own threads; the libraries' others would only compete with them
    OMP_NUM_THREADS: '1',
    TOKENIZERS_PARALLELISM: 'false',
  }
}
