const SURROGATE = /[\ud800-\udfff]/

/**
 * Turns offsets counted in Unicode code points into offsets counted in UTF-16 code units. A lone surrogate counts as one
 * of either.
 * @param offsets [start, end) pairs in code points, each within the text
 * @returns [start, end) pairs in UTF-16 code units
 */
export function codePointOffsetsToUtf16(
  text: string,
  offsets: readonly (readonly [number, number])[],
): [number, number][] {
  if (!SURROGATE.test(text)) return offsets.map(([start, end]) => [start, end])
  const codeUnitAt: number[] = []
  let codeUnit = 0
  for (const character of text) {
    codeUnitAt.push(codeUnit)
    codeUnit += character.length
  }
  codeUnitAt.push(codeUnit)
  return offsets.map(([start, end]) => [codeUnitAt[start]!, codeUnitAt[end]!])
}
