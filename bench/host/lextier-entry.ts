/** How the `lextier` command is started from this repository. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from './environment.js'

export interface LextierEntry {
  /** compiled, or its TypeScript run through tsx because dist/ is missing or older */
  readonly from: 'dist' | 'source'
  /** of Node */
  readonly args: readonly string[]
}

const BUILT = join(REPOSITORY, 'dist/src/cli/main.js')
/** What the command may import. */
const SOURCES = ['src', 'training']

export function lextierEntry(): LextierEntry {
  if (isBuilt()) return { from: 'dist', args: [BUILT] }
  return { from: 'source', args: ['--import', 'tsx', join(REPOSITORY, 'src/cli/main.ts')] }
}

/** All files are compiled together; a build older than its source would run yesterday's code. */
function isBuilt(): boolean {
  if (!existsSync(BUILT)) return false
  const builtMs = statSync(BUILT).mtimeMs
  return SOURCES.every((folder) =>
    readdirSync(join(REPOSITORY, folder), { recursive: true, withFileTypes: true }).every(
      (entry) => !entry.isFile() || statSync(join(entry.parentPath, entry.name)).mtimeMs <= builtMs,
    ),
  )
}
