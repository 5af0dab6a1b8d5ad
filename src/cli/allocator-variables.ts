/**
 * Memory that runs give back stays with their process, up to 64 MiB of it: glibc would return it to the kernel after each run and fetch
 * it again, zeroed, for the next, 5 to 8% of a run's time. It reads these when a process starts, so they hold for the processes that are
 * started from here, the engines among them. Other C libraries do not know them.
 * @see mallopt(3)
 */
const VARIABLES = {
  /** glibc's own upper limit: what is larger is mapped alone */
  MALLOC_MMAP_THRESHOLD_: String(32 * 2 ** 20),
  MALLOC_TRIM_THRESHOLD_: String(64 * 2 ** 20),
} as const

/** @param environment that processes inherit; a variable that it has already is left as it is */
export function keepFreedMemory(environment: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(VARIABLES)) environment[name] ??= value
}
