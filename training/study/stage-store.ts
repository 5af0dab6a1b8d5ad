/**
 * Stages on disk: `<root>/<key>/`, finished when `result.json` is there, which is written last. Until then it holds what the
 * stage needs to go on where it stood; one that failed has `failure.json`.
 */
import { existsSync } from 'node:fs'
import { cp, mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointInvalid } from '../../src/errors.js'
import type { HostTensors } from '../../src/family/tensor.js'
import { readJson, readSnapshot, type StageFiles, stageFiles, writeJson, writeSnapshot } from '../recipes/run-folder.js'
import type { Stage } from './stages.js'

/** What every finished stage says of itself. */
export interface StageResult {
  readonly kind: Stage['kind']
  readonly name: string
  /** ISO 8601 */
  readonly finishedAt: string
  /** what it took, waiting aside; of a stage that was killed and resumed, the training of both */
  readonly seconds: number
  /** engine, one line */
  readonly device: string
}

export interface StageFailure {
  readonly name: string
  readonly error: string
  readonly at: string
}

export type Logits = readonly Float32Array[]

const RESULT = 'result.json'
const FAILURE = 'failure.json'
const CLAIM = 'claim.json'
/** A claim whose holder has not been heard of for so long is free; twice what a heartbeat may miss. */
const CLAIM_LAPSES_MS = 120_000
const HEARTBEAT_MS = 20_000

export class StageStore {
  constructor(readonly root: string) {}

  folder(key: string): string {
    return join(this.root, key)
  }

  files(key: string): StageFiles {
    return stageFiles(this.root, key)
  }

  isFinished(key: string): boolean {
    return existsSync(join(this.folder(key), RESULT))
  }

  hasWeights(key: string): boolean {
    return existsSync(this.files(key).best)
  }

  result<R extends StageResult>(key: string): Promise<R | undefined> {
    return readJson<R>(join(this.folder(key), RESULT))
  }

  /** Marks the stage as finished: everything else of it is on disk by now. */
  async finish(key: string, result: StageResult): Promise<void> {
    await writeJson(join(this.folder(key), RESULT), result)
    await rm(join(this.folder(key), FAILURE), { force: true })
    // moments and counters serve no one any more
    await rm(this.files(key).last, { force: true })
  }

  failure(key: string): Promise<StageFailure | undefined> {
    return readJson<StageFailure>(join(this.folder(key), FAILURE))
  }

  async fail(key: string, failure: StageFailure): Promise<void> {
    await writeJson(join(this.folder(key), FAILURE), failure)
  }

  /** @throws CheckpointInvalid when the weights were not kept */
  async parameters(key: string): Promise<HostTensors> {
    const saved = await readSnapshot(this.files(key).best)
    if (saved) return saved.tensors
    throw new CheckpointInvalid(this.folder(key), 'its weights were not kept; remove the folder to train it again')
  }

  /** A stage without its weights is trained again where they are needed. */
  async forget(key: string): Promise<void> {
    await rm(this.folder(key), { recursive: true, force: true })
  }

  async dropWeights(key: string): Promise<void> {
    await rm(this.files(key).best, { force: true })
  }

  async writeLogits(key: string, logits: Readonly<Record<string, Logits>>): Promise<void> {
    const tensors: HostTensors = {}
    for (const [name, rows] of Object.entries(logits)) {
      const labels = rows[0]?.length ?? 0
      const values = new Float32Array(rows.length * labels)
      for (const [i, row] of rows.entries()) values.set(row, i * labels)
      tensors[name] = { shape: [rows.length, labels], values }
    }
    await writeSnapshot(this.logitsFile(key), { tensors, facts: {} })
  }

  /** @returns [examples][labels], in the order of the fold's side */
  async logits(key: string, name: string): Promise<Logits> {
    const tensor = (await readSnapshot(this.logitsFile(key)))?.tensors[name]
    if (!tensor) throw new CheckpointInvalid(this.folder(key), `has no logits "${name}"; remove it to run it again`)
    const [rows, labels] = tensor.shape as [number, number]
    return Array.from({ length: rows }, (_, i) => tensor.values.slice(i * labels, (i + 1) * labels) as Float32Array)
  }

  /**
   * Takes a stage for this process where several share the folder.
   * @param holder who asks; a claim of the same holder is its own, left by a process that was killed
   * @returns what gives it back, or undefined while another holds it
   */
  async claim(key: string, holder: string): Promise<(() => Promise<void>) | undefined> {
    const file = join(this.folder(key), CLAIM)
    await mkdir(this.folder(key), { recursive: true })
    if (!(await this.createClaim(file, holder))) {
      const other = await this.heldBy(file)
      if (other !== undefined && other !== holder) return undefined
      await rm(file, { force: true })
      if (!(await this.createClaim(file, holder))) return undefined
    }
    const heartbeat = setInterval(() => {
      const now = new Date()
      utimes(file, now, now).catch(() => {})
    }, HEARTBEAT_MS)
    heartbeat.unref()
    return async () => {
      clearInterval(heartbeat)
      await rm(file, { force: true })
    }
  }

  /**
   * Copies the finished stages, and the failures, of another store.
   * @returns how many stages were new
   */
  async merge(other: StageStore): Promise<number> {
    let copied = 0
    for (const key of await readdir(other.root).catch(() => [])) {
      if (this.isFinished(key)) continue
      if (!other.isFinished(key) && !existsSync(join(other.folder(key), FAILURE))) continue
      const part = join(this.root, `.${key}.part`)
      await rm(part, { recursive: true, force: true })
      await cp(other.folder(key), part, { recursive: true })
      await rm(this.folder(key), { recursive: true, force: true })
      await rename(part, this.folder(key))
      copied++
    }
    return copied
  }

  private logitsFile(key: string): string {
    return join(this.folder(key), 'logits.safetensors')
  }

  private async createClaim(file: string, holder: string): Promise<boolean> {
    try {
      const handle = await open(file, 'wx')
      await handle.writeFile(JSON.stringify({ holder }))
      await handle.close()
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
  }

  /** @returns the holder of a claim that has not lapsed */
  private async heldBy(file: string): Promise<string | undefined> {
    try {
      if (Date.now() - (await stat(file)).mtimeMs > CLAIM_LAPSES_MS) return undefined
      const text = await readFile(file, 'utf8')
      // empty: created and not yet written to
      return text === '' ? '' : (JSON.parse(text) as { holder: string }).holder
    } catch {
      return undefined
    }
  }
}
