import { join } from 'node:path'
import { CheckpointInvalid } from '../../src/errors.js'
import { downloadRepository, type HubAccess } from './hub-download.js'

export interface ResolveOptions extends HubAccess {
  /** where downloaded repositories are kept */
  readonly cacheFolder: string
  /** the revision when the reference names none; `main` unless told otherwise */
  readonly revision?: string
}

const SCHEME = 'hf:'
const REFERENCE = /^hf:((?:[A-Za-z0-9][\w.-]*\/)?[A-Za-z0-9][\w.-]*)(?:@([A-Za-z0-9][\w.-]*))?$/

/**
 * The folder of a checkpoint: a path as it is, or `hf:<owner>/<repository>[@revision]` downloaded from the Hugging Face Hub,
 * once, to `<cacheFolder>/<owner>--<repository>/<revision>`.
 * @throws CheckpointInvalid when the reference is malformed or its files cannot be had
 */
export async function resolveCheckpoint(reference: string, options: ResolveOptions): Promise<string> {
  if (!reference.startsWith(SCHEME)) return reference
  const [, repository, revision = options.revision ?? 'main'] = REFERENCE.exec(reference) ?? []
  if (repository === undefined) {
    throw new CheckpointInvalid(reference, 'write hf:owner/repository or hf:owner/repository@revision')
  }
  const folder = join(options.cacheFolder, repository.replace('/', '--'), revision)
  await downloadRepository({ ...options, repository, revision, folder })
  return folder
}
