import { readFileSync } from 'node:fs'

/** @returns how many files this process may have open; undefined where the system does not say (not Linux) or sets no limit */
export function openFileLimit(): number | undefined {
  try {
    return parseOpenFileLimit(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return undefined
  }
}

/** @param limits `/proc/PID/limits`: name, soft limit, hard limit, unit */
export function parseOpenFileLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  return soft === undefined ? undefined : Number(soft)
}
