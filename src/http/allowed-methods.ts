import type { HTTPMethods } from 'fastify'
import { MethodNotAllowed } from '../errors.js'
import type { App } from './app-types.js'

/** Notes the methods of every route registered from now on. */
export function watchMethods(app: App): ReadonlyMap<string, Set<string>> {
  const methodsOf = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsOf.get(url) ?? new Set()
    for (const one of [method].flat()) methods.add(one)
    methodsOf.set(url, methods)
  })
  return methodsOf
}

/** Answers 405 with `Allow` to every other method of the paths noted (RFC 9110 section 15.5.6). */
export function refuseOtherMethods(app: App, methodsOf: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [url, methods] of [...methodsOf]) {
    const allowed = [...methods].sort().join(', ')
    const others = (app.supportedMethods as HTTPMethods[]).filter((method) => !methods.has(method))
    if (others.length === 0 || url.includes('*')) continue
    app.route({
      method: others,
      url,
      schema: { hide: true },
      // in a hook, so that a body of any type or size is not read first
      onRequest: async (request, reply) => {
        reply.header('allow', allowed)
        throw new MethodNotAllowed(request.method, url, allowed)
      },
      handler: (_request, reply) => reply,
    })
  }
}
