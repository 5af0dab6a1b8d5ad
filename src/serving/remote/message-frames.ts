/** Messages between processes as frames: JSON, and beside it the tokens, which JSON would write out one by one. */
import { newFrame } from '../frames.js'

const TEXT = { to: new TextEncoder(), from: new TextDecoder() }

/** Words: tokens, bytes of the JSON, the tokens, the JSON. @param message plain data that JSON keeps, and perhaps tokens */
export function encodeMessage({ tokens, ...rest }: object & { readonly tokens?: Int32Array }): Uint8Array {
  const json = TEXT.to.encode(JSON.stringify(rest))
  const count = tokens?.length ?? 0
  const { bytes, words } = newFrame(2 + count + Math.ceil(json.length / 4))
  words[0] = count
  words[1] = json.length
  if (tokens) words.set(tokens, 2)
  new Uint8Array(words.buffer, words.byteOffset + 4 * (2 + count)).set(json)
  return bytes
}

/** @returns the message, with `tokens` where it had any */
export function decodeMessage(words: Int32Array): object {
  const [count, jsonBytes] = words as unknown as [number, number]
  const json = new Uint8Array(words.buffer, words.byteOffset + 4 * (2 + count), jsonBytes)
  const message = JSON.parse(TEXT.from.decode(json)) as object
  return count === 0 ? message : Object.assign(message, { tokens: words.subarray(2, 2 + count) })
}
