/** Lists of CPUs as Linux and taskset write them: "0-3,8". Pure. */

/** @returns ascending, each once; undefined for what is no such list */
export function parseCpuList(text: string): number[] | undefined {
  const cpus = new Set<number>()
  for (const part of text.trim().split(',')) {
    const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? []
    if (first === undefined || Number(last) < Number(first)) return undefined
    for (let cpu = Number(first); cpu <= Number(last); cpu++) cpus.add(cpu)
  }
  return [...cpus].sort((a, b) => a - b)
}

/** @param cpus ascending */
export function formatCpuList(cpus: readonly number[]): string {
  const runs: [first: number, last: number][] = []
  for (const cpu of cpus) {
    const run = runs.at(-1)
    if (run && cpu === run[1] + 1) run[1] = cpu
    else runs.push([cpu, cpu])
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}
