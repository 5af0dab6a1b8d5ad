/** Which processes a server has, told apart from those of any other by a mark in their environment. */
import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'

const NAME = 'LEXTIER_TEST_PROCESSES_OF'

export interface Mark {
  /** for the environment of the server: its children inherit it */
  readonly variables: Record<string, string>
  /** @returns process ids of the server and its children that are running now (Linux) */
  pids(): Promise<number[]>
}

export function mark(): Mark {
  const value = randomUUID()
  return {
    variables: { [NAME]: value },
    async pids() {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
      const marked = await Promise.all(
        pids.map(async (pid) => {
          // one that ends meanwhile, or belongs to another user; one that has ended has no environment
          const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
          return environment.includes(`${NAME}=${value}`)
        }),
      )
      return pids.filter((_, index) => marked[index]).map(Number)
    },
  }
}
