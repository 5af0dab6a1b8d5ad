/** The Python peers: what each needs, how it is started, and its own way of being asked. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Layout } from './candidate.js'
import { PEERS_FOLDER } from './install-peer.js'
import type { Environment } from './peer.js'

export interface PythonPeer {
  readonly name: string
  /** whose versions are told */
  readonly packages: readonly string[]
  /** @param programs folder of the virtual environment's programs */
  command(programs: string, port: number, layout: Layout): { program: string; args: string[] }
  environment?(layout: Layout, ports: readonly number[]): Environment
  /**
   * Where it is started: in its folder of `bench/peers` (default); in a folder of its own, because it leaves files there;
   * or in the checkpoint that it serves.
   */
  readonly startedIn?: 'scratch' | 'checkpoint'
  /** the layouts that it can be given; default: all */
  layouts?(asked: readonly Layout[]): readonly Layout[]
  readonly path: string
  requestBody(text: string): unknown
  labelOf(answer: unknown): string | undefined
}

export const PYTHON_PEERS: readonly PythonPeer[] = [
  {
    name: 'litserve',
    packages: ['litserve', 'onnxruntime', 'tokenizers'],
    command: (programs) => ({ program: join(programs, 'python'), args: ['server.py'] }),
    path: '/predict',
    requestBody: (text) => ({ text }),
    labelOf: (answer) => (answer as { label?: string }).label,
  },
  {
    name: 'bentoml',
    packages: ['bentoml', 'onnxruntime', 'tokenizers'],
    command: (programs, port) => ({
      program: join(programs, 'python'),
      args: ['-m', 'bentoml', 'serve', 'server:Classifier', '--host', '127.0.0.1', '--port', String(port)],
    }),
    environment: () => ({ BENTOML_DO_NOT_TRACK: 'True', BENTOML_HOME: join(tmpdir(), 'lextier-bench-bentoml') }),
    path: '/classify',
    requestBody: (text) => ({ texts: [text] }),
    labelOf: (answer) => (answer as { label?: string }[])[0]?.label,
  },
  {
    name: 'mlserver',
    packages: ['mlserver', 'onnxruntime', 'tokenizers', 'uvloop'],
    command: (programs) => ({ program: join(programs, 'mlserver'), args: ['start', join(PEERS_FOLDER, 'mlserver')] }),
    startedIn: 'scratch',
    environment: ({ workers, batch }, [http, grpc, metrics]) => ({
      MLSERVER_HOST: '127.0.0.1',
      MLSERVER_HTTP_PORT: String(http),
      MLSERVER_GRPC_PORT: String(grpc),
      MLSERVER_METRICS_PORT: String(metrics),
      // 0: in the server's own process
      MLSERVER_PARALLEL_WORKERS: String(workers === 1 ? 0 : workers),
      MLSERVER_DEBUG: 'false',
      ...(batch > 1 && { MLSERVER_MODEL_MAX_BATCH_SIZE: String(batch), MLSERVER_MODEL_MAX_BATCH_TIME: '0.005' }),
    }),
    path: '/v2/models/classifier/infer',
    requestBody: (text) => ({ inputs: [{ name: 'text', shape: [1, 1], datatype: 'BYTES', data: [text] }] }),
    labelOf: (answer) => (answer as { outputs?: { data?: string[] }[] }).outputs?.[0]?.data?.[0],
  },
  {
    name: 'infinity',
    packages: ['infinity_emb', 'optimum-onnx', 'onnxruntime', 'tokenizers'],
    command: (programs, port, { batch }) => ({
      program: join(programs, 'infinity_emb'),
      args: [
        ...['v2', '--engine', 'optimum', '--device', 'cpu', '--model-id', '.', '--served-model-name', 'classifier'],
        ...['--batch-size', String(batch), '--host', '127.0.0.1', '--port', String(port)],
        // its warm-up runs more tokens than the model has positions
        ...['--no-model-warmup', '--no-bettertransformer', '--no-compile', '--log-level', 'error'],
      ],
    }),
    startedIn: 'checkpoint',
    environment: () => ({
      HF_HUB_OFFLINE: '1',
      // beside the checkpoint: what it keeps of one tier must not be found for another
      HF_HOME: '../cache',
      DO_NOT_TRACK: '1',
      INFINITY_ANONYMOUS_USAGE_STATS: '0',
    }),
    // one process, whose ONNX Runtime takes every CPU
    layouts: (asked) => asked.filter(({ workers }) => workers === 1),
    path: '/classify',
    requestBody: (text) => ({ model: 'classifier', input: [text] }),
    labelOf: (answer) => mostProbable((answer as { data?: ScoredLabel[][] }).data?.[0] ?? []),
  },
]

interface ScoredLabel {
  readonly label: string
  readonly score: number
}

function mostProbable(scored: readonly ScoredLabel[]): string | undefined {
  return [...scored].sort((one, other) => other.score - one.score)[0]?.label
}
