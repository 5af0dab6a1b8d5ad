import { DataInvalid } from '../../src/errors.js'
import type { Example } from './dataset.js'

/**
 * Refuses a split on which no model could be measured, before anything is trained on it: where all cases are of one class
 * there is no AUC, and accuracy says nothing.
 * @param sides examples by the name that the message gives them
 * @throws DataInvalid naming the side
 */
export function checkSides(path: string, sides: Readonly<Record<string, readonly Example[]>>): void {
  for (const [name, examples] of Object.entries(sides)) {
    const [label, ...others] = new Set(examples.map((example) => example.label))
    if (label === undefined || others.length > 0) continue
    throw new DataInvalid(
      path,
      `all ${examples.length} ${name} cases have the label "${label}"; take a larger share, another seed or method: stratified`,
    )
  }
}
