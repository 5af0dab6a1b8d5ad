import { Type } from 'typebox'
import { FamilyNotFound } from '../../errors.js'
import type { DescribedFamily } from '../../family/described-family.js'
import type { App, AppDependencies } from '../app-types.js'
import { problemResponses } from '../problem-schemas.js'
import { FamilyDetail, FamilyList } from './family-schema.js'
import { familyDetail, familySummary } from './family-view.js'

/** GET /v1/families and /v1/families/:family */
export function addFamilies(app: App, { classifier, catalogue }: AppDependencies): void {
  const view = <T>(family: DescribedFamily, as: (...args: Parameters<typeof familySummary>) => T): T => {
    const { name } = family.manifest
    const status = classifier.families().find((one) => one.family === name)
    const refusal = catalogue.refused().find((one) => one.name === name)
    return as(family, status, { isDefault: name === catalogue.defaultFamily(), refusal: refusal?.reason })
  }
  app.get(
    '/v1/families',
    {
      schema: {
        operationId: 'listFamilies',
        summary: 'The families of this server',
        tags: ['families'],
        response: { 200: FamilyList, ...problemResponses(401, 500) },
      },
    },
    async () => ({
      families: catalogue.families().map((family) => view(family, familySummary)),
      refused: catalogue.refused().map(({ name, reason }) => ({ name, reason })),
    }),
  )
  app.get(
    '/v1/families/:family',
    {
      schema: {
        operationId: 'getFamily',
        summary: 'Labels, tiers, measured quality, calibration, latency profile and data card of a family',
        tags: ['families'],
        params: Type.Object({ family: Type.String({ minLength: 1, maxLength: 63 }) }),
        response: { 200: FamilyDetail, ...problemResponses(400, 401, 404, 500) },
      },
    },
    async (request) => {
      const { family: name } = request.params
      const families = catalogue.families()
      const family = families.find(({ manifest }) => manifest.name === name)
      if (!family) throw new FamilyNotFound(name, families.map(({ manifest }) => manifest.name).join(', ') || 'none')
      return view(family, familyDetail)
    },
  )
}
