/** The peers: what each needs, how it is started, and its own way of being asked. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Candidate, Layout, ServedModel } from './candidate.js'
import { writeHubFolder } from './hub-folder.js'
import { installNode, installPython, PEERS_FOLDER } from './install-peer.js'
import { freePorts, startPeer } from './peer-process.js'

export interface Peer {
  readonly name: string
  /** @throws PeerNotInstalled */
  prepare(model: ServedModel, layouts: readonly Layout[], installFolder: string): Promise<Candidate>
}

type Environment = Record<string, string>

interface PythonPeer {
  readonly name: string
  readonly packages: readonly string[]
  /** @param programs folder of the virtual environment's programs */
  command(programs: string, port: number): { program: string; args: string[] }
  environment?(layout: Layout, ports: readonly number[]): Environment
  readonly path: string
  requestBody(text: string): unknown
  labelOf(answer: unknown): string | undefined
}

const PYTHON_PEERS: readonly PythonPeer[] = [
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
    packages: ['mlserver', 'onnxruntime', 'tokenizers'],
    command: (programs) => ({ program: join(programs, 'mlserver'), args: ['start', '.'] }),
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
]

export const PEERS: readonly Peer[] = [
  ...PYTHON_PEERS.map(pythonPeer),
  { name: 'transformers-js', prepare: transformersJs },
]

function pythonPeer(peer: PythonPeer): Peer {
  return {
    name: peer.name,
    async prepare(model, layouts, installFolder) {
      const programs = await installPython(peer.name, installFolder)
      const requestBody = (text: string) => Buffer.from(JSON.stringify(peer.requestBody(text)))
      return {
        name: peer.name,
        versions: pythonVersions(programs, peer.packages),
        layouts,
        requestBody,
        labelOf: peer.labelOf,
        async start(layout) {
          const ports = await freePorts(3)
          const port = ports[0]!
          return startPeer({
            ...peer.command(programs, port),
            cwd: join(PEERS_FOLDER, peer.name),
            env: {
              ...sharedEnvironment(model, layout, port),
              PYTHONDONTWRITEBYTECODE: '1',
              PATH: `${programs}:${process.env.PATH}`,
              ...peer.environment?.(layout, ports),
            },
            url: new URL(peer.path, `http://127.0.0.1:${port}`),
            firstRequest: requestBody('warm-up'),
          })
        },
      }
    },
  }
}

async function transformersJs(
  model: ServedModel,
  layouts: readonly Layout[],
  installFolder: string,
): Promise<Candidate> {
  const name = 'transformers-js'
  const folder = await installNode(name, installFolder)
  const hubFolder = mkdtempSync(join(tmpdir(), 'lextier-bench-hub-'))
  process.once('exit', () => rmSync(hubFolder, { recursive: true, force: true }))
  await writeHubFolder(model, hubFolder)
  const versions: Record<string, string> = {}
  for (const dependency of ['@huggingface/transformers', 'onnxruntime-node', 'fastify']) {
    const manifest = await readFile(join(folder, 'node_modules', dependency, 'package.json'), 'utf8')
    versions[dependency] = (JSON.parse(manifest) as { version: string }).version
  }
  const requestBody = (text: string) => Buffer.from(JSON.stringify({ text }))
  return {
    name,
    versions,
    layouts,
    requestBody,
    labelOf: (answer) => (answer as { label?: string }).label,
    async start(layout) {
      const [port] = await freePorts(1)
      return startPeer({
        program: process.execPath,
        args: ['server.mjs'],
        cwd: folder,
        env: { ...sharedEnvironment(model, layout, port!), PEER_HUB_FOLDER: hubFolder, NODE_OPTIONS: '' },
        url: new URL('/predict', `http://127.0.0.1:${port}`),
        firstRequest: requestBody('warm-up'),
      })
    },
  }
}

function sharedEnvironment(model: ServedModel, { workers, threads, batch }: Layout, port: number): Environment {
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

function pythonVersions(programs: string, packages: readonly string[]): Record<string, string> {
  const program = `import sys, importlib.metadata as m\nprint(sys.version.split()[0], *[m.version(p) for p in sys.argv[1:]])`
  const answer = execFileSync(join(programs, 'python'), ['-c', program, ...packages], { encoding: 'utf8' })
  const [python, ...versions] = answer.trim().split(' ')
  return { python: python!, ...Object.fromEntries(packages.map((name, index) => [name, versions[index]!])) }
}
