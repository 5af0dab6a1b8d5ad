import { createRequire } from 'node:module'
import { packageVersion } from './package-root.js'

/** Versions of what computed a result, for its record. */
export function runtimeVersions(): Record<string, string> {
  const require = createRequire(import.meta.url)
  const versionOf = (name: string) => (require(`${name}/package.json`) as { version: string }).version
  return {
    lextier: packageVersion(),
    node: process.versions.node,
    onnxruntime: versionOf('onnxruntime-node'),
    tfjs: versionOf('@tensorflow/tfjs'),
    tokenizers: versionOf('tokenizers'),
  }
}
