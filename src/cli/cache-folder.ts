import { homedir } from 'node:os'
import { join } from 'node:path'

/** @returns the user's cache folder of this program, as the operating system's custom has it; it need not exist */
export function defaultCacheFolder(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'lextier')
  if (platform === 'win32') return join(environment.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'lextier', 'cache')
  return join(environment.XDG_CACHE_HOME || join(home, '.cache'), 'lextier')
}
