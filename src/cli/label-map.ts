import { InvalidConfiguration } from '../errors.js'

/** `--label-map`: raw value to label. @throws InvalidConfiguration unless it is a=x,b=y */
export function parseLabelMap(pairs: string | undefined): Record<string, string> | undefined {
  if (pairs === undefined) return undefined
  return Object.fromEntries(
    pairs.split(',').map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1 || at === pair.length - 1) {
        throw new InvalidConfiguration(
          '--label-map',
          `"${pair}" is not raw=label; write it as in TRUE=wins,FALSE=loses`,
        )
      }
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
    }),
  )
}
