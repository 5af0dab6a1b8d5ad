/** transformers.js behind Fastify. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryHubFolder } from './hub-folder.js'
import { installNode } from './install-peer.js'
import { type Peer, sharedEnvironment } from './peer.js'
import { freePorts, startPeer } from './peer-process.js'

export const transformersJs: Peer = {
  name: 'transformers-js',
  async prepare(model, layouts, installFolder) {
    const folder = await installNode('transformers-js', installFolder)
    const hubFolder = await temporaryHubFolder(model, 'onnx')
    const versions: Record<string, string> = {}
    for (const dependency of ['@huggingface/transformers', 'onnxruntime-node', 'fastify']) {
      const manifest = await readFile(join(folder, 'node_modules', dependency, 'package.json'), 'utf8')
      versions[dependency] = (JSON.parse(manifest) as { version: string }).version
    }
    const requestBody = (text: string) => Buffer.from(JSON.stringify({ text }))
    return {
      name: 'transformers-js',
      versions,
      layouts,
      requestBody,
      labelOf: (answer) => (answer as { label?: string }).label,
      async start(layout, cpus) {
        const [port] = await freePorts(1)
        return startPeer({
          program: process.execPath,
          args: ['server.mjs'],
          cwd: folder,
          cpus,
          env: { ...sharedEnvironment(model, layout, port!), PEER_HUB_FOLDER: hubFolder, NODE_OPTIONS: '' },
          url: new URL('/predict', `http://127.0.0.1:${port}`),
          firstRequest: requestBody('warm-up'),
        })
      },
    }
  },
}
