/** Peers are no dependency of lextier: each is installed into a folder of its own, once, where a registry can be reached. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { REPOSITORY } from '../host/environment.js'

const run = promisify(execFile)
const INSTALL_TIMEOUT_MS = 600_000
const COMPLETE = 'installed'

/** The peers' sources, also when the bench runs compiled. */
export const PEERS_FOLDER = join(REPOSITORY, 'bench/peers')
export const DEFAULT_INSTALL_FOLDER = fileURLToPath(new URL('.cache/bench-peers', `file://${REPOSITORY}`))

/** Why an installation failed: the installer's last line. */
export class PeerNotInstalled extends Error {}

/**
 * A virtual environment with the peer's requirements.txt.
 * @returns the folder of its programs (`python`, and what the requirements bring)
 * @throws PeerNotInstalled
 */
export async function installPython(peer: string, into: string): Promise<string> {
  const requirements = join(PEERS_FOLDER, peer, 'requirements.txt')
  const folder = await installOnce(peer, requirements, into, async (target) => {
    await run('python3', ['-m', 'venv', target], { timeout: INSTALL_TIMEOUT_MS })
    const python = join(target, 'bin/python')
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]
    await run(python, install, { timeout: INSTALL_TIMEOUT_MS, maxBuffer: 2 ** 24 })
  })
  return join(folder, 'bin')
}

/**
 * A copy of the peer's folder with its node_modules.
 * @throws PeerNotInstalled
 */
export async function installNode(peer: string, into: string): Promise<string> {
  const source = join(PEERS_FOLDER, peer)
  return installOnce(peer, join(source, 'package.json'), into, async (target) => {
    await cp(source, target, { recursive: true })
    await run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], {
      cwd: target,
      timeout: INSTALL_TIMEOUT_MS,
      maxBuffer: 2 ** 24,
      // the CPU libraries are in the package; its install script would fetch the CUDA ones
      env: { ...process.env, npm_config_onnxruntime_node_install: 'skip', ONNXRUNTIME_NODE_INSTALL: 'skip' },
    })
  })
}

async function installOnce(
  peer: string,
  versionsFile: string,
  into: string,
  install: (target: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(versionsFile))
    .digest('hex')
    .slice(0, 8)
  const target = join(into, `${peer}-${hash}`)
  if (existsSync(join(target, COMPLETE))) return target
  await rm(target, { recursive: true, force: true })
  await mkdir(into, { recursive: true })
  try {
    await install(target)
    await writeFile(join(target, COMPLETE), '')
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    const lines = (stderr || message).trim().split('\n')
    const said = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1)!
    throw new PeerNotInstalled(`it cannot be installed: ${said}`)
  }
  return target
}
