import { InvalidConfiguration } from '../../src/errors.js'
import { nearest } from '../recipes/config-fault.js'

type Node = Record<string, unknown>

/**
 * A copy of a configuration with one value set. A step of the path names a key, or an entry of a list by its index, its `name`,
 * or the literal that it is; objects on the way that are not there yet are made.
 * @param path e.g. `students.tiny.learning_rate`, `methods.1.losses.soft.temperature`
 * @throws InvalidConfiguration when a list has no such entry, or the path goes through a value
 */
export function withValue<Config extends object>(config: Config, path: string, value: unknown): Config {
  const copy = structuredClone(config)
  const steps = path.split('.')
  let node = copy as Node
  for (const [i, step] of steps.slice(0, -1).entries()) {
    const key = stepOf(node, step, path)
    if (node[key] === undefined) node[key] = {}
    const next = node[key]
    if (next === null || typeof next !== 'object') {
      const reached = steps.slice(0, i + 1).join('.')
      throw new InvalidConfiguration(`sweep.parameters.${path}`, `${reached} is a value; there is nothing below it`)
    }
    node = next as Node
  }
  node[stepOf(node, steps.at(-1)!, path)] = value
  return copy
}

function stepOf(node: Node | unknown[], step: string, path: string): string {
  if (!Array.isArray(node)) return step
  const names = node.map((entry) => String((entry as { name?: unknown } | null)?.name ?? entry))
  const index = names.includes(step) ? names.indexOf(step) : Number(step)
  if (Number.isInteger(index) && index >= 0 && index < node.length) return String(index)
  throw new InvalidConfiguration(
    `sweep.parameters.${path}`,
    `there is no "${step}"; ${nearest(step, names) ?? `there are ${names.join(', ')}`}`,
  )
}
