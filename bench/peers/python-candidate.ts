/** A Python peer in a virtual environment of its own. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { ServedModel } from './candidate.js'
import { temporaryHubFolder } from './hub-folder.js'
import { installPython, PEERS_FOLDER } from './install-peer.js'
import { type Peer, sharedEnvironment } from './peer.js'
import { freePorts, startPeer } from './peer-process.js'
import type { PythonPeer } from './python-peers.js'

export function pythonPeer(peer: PythonPeer): Peer {
  return {
    name: peer.name,
    async prepare(model, layouts, installFolder) {
      const programs = await installPython(peer.name, installFolder)
      const requestBody = (text: string) => Buffer.from(JSON.stringify(peer.requestBody(text)))
      const cwd = await startFolder(peer, model)
      return {
        name: peer.name,
        versions: pythonVersions(programs, peer.packages),
        layouts: peer.layouts?.(layouts) ?? layouts,
        requestBody,
        labelOf: peer.labelOf,
        async start(layout, cpus) {
          const ports = await freePorts(3)
          const port = ports[0]!
          return startPeer({
            ...peer.command(programs, port, layout),
            cwd,
            cpus,
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

/** @returns undefined for a folder that each start makes */
async function startFolder({ name, startedIn }: PythonPeer, model: ServedModel): Promise<string | undefined> {
  if (startedIn === 'scratch') return undefined
  return startedIn === 'checkpoint'
    ? join(await temporaryHubFolder(model, '.'), 'classifier')
    : join(PEERS_FOLDER, name)
}

function pythonVersions(programs: string, packages: readonly string[]): Record<string, string> {
  const program = `import sys, importlib.metadata as m\nprint(sys.version.split()[0], *[m.version(p) for p in sys.argv[1:]])`
  const answer = execFileSync(join(programs, 'python'), ['-c', program, ...packages], { encoding: 'utf8' })
  const [python, ...versions] = answer.trim().split(' ')
  return { python: python!, ...Object.fromEntries(packages.map((name, index) => [name, versions[index]!])) }
}
