import type { FamilyManifest } from './family-schema.js'

/** A family as the API describes it: its manifest, and the version that answers carry. */
export interface DescribedFamily {
  readonly manifest: FamilyManifest
  /** `sha256:…` of family.json */
  readonly version: string
}
