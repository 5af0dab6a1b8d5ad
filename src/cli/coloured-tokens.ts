/** A token's place in a text, and how it weighs. */
interface WeighedToken {
  readonly start: number
  readonly end: number
  readonly attribution: number
}

/** xterm-256 backgrounds, faint to strong. Orange and blue are told apart by the colour-blind too. */
const FOR = [230, 223, 216, 208]
const AGAINST = [195, 153, 111, 69]
const BLACK = 16

/** Below this share of the strongest token a token stays plain. */
const FAINT = 0.1

/** @returns the text with its tokens coloured for a terminal: orange speaks for the label, blue against it */
export function colouredTokens(text: string, tokens: readonly WeighedToken[]): string {
  const strongest = Math.max(...tokens.map(({ attribution }) => Math.abs(attribution)), Number.MIN_VALUE)
  let shown = ''
  let at = 0
  for (const { start, end, attribution } of tokens) {
    shown += text.slice(at, start)
    at = Math.max(at, end)
    const share = Math.abs(attribution) / strongest
    const shades = attribution > 0 ? FOR : AGAINST
    const shade = shades[Math.min(shades.length - 1, Math.floor(share * shades.length))]
    const piece = text.slice(start, end)
    shown += share < FAINT ? piece : `\u001b[48;5;${shade};38;5;${BLACK}m${piece}\u001b[0m`
  }
  return shown + text.slice(at)
}
