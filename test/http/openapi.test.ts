import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { packageRoot, packageVersion } from '../../src/cli/package-root.js'
import { apiDocumentOfRoutes } from '../../src/http/api-document-of-routes.js'
import { testApp } from './support/test-app.js'

test('openapi.yaml is what the routes say; if this fails, run npm run openapi', async () => {
  const committed = await readFile(join(packageRoot(), 'openapi.yaml'), 'utf8')
  assert.equal(committed, await apiDocumentOfRoutes('yaml', packageVersion()))
})

test('the document is valid OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(await apiDocumentOfRoutes('json', '0.0.0'))
  assert.ok(valid, JSON.stringify(errors))
})

test('the server answers its own document as YAML and as JSON', async (t) => {
  const { app } = await testApp(t)
  const yaml = await app.inject('/openapi.yaml')
  assert.match(String(yaml.headers['content-type']), /^application\/yaml/)
  assert.equal(yaml.body, await apiDocumentOfRoutes('yaml', '0.0.0'))
  assert.deepEqual(parse(yaml.body), (await app.inject('/openapi.json')).json())
})

test('every route of the contract is in the document', async () => {
  const { paths } = JSON.parse(await apiDocumentOfRoutes('json', '0.0.0'))
  assert.deepEqual(Object.keys(paths).sort(), [
    '/health/live',
    '/health/ready',
    '/metrics',
    '/v1/families',
    '/v1/families/{family}',
    '/v1/predict',
  ])
})

test('answers and problems fit the schemas of the document', async (t) => {
  const { app, predict } = await testApp(t)
  const document = (await app.inject('/openapi.json')).json()
  const ajv = new Ajv2020({ strict: false })
  ajv.addSchema(document, 'api')
  const fits = (path: string, method: string, status: number, type: string, body: unknown) => {
    const pointer = ['paths', path, method, 'responses', String(status), 'content', type, 'schema']
    const escaped = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    const validate = ajv.compile({ $ref: `api#/${escaped.join('/')}` })
    assert.ok(validate(body), JSON.stringify(validate.errors))
  }
  fits('/v1/predict', 'post', 200, 'application/json', (await predict({ text: 'a' })).json())
  fits('/v1/predict', 'post', 400, 'application/problem+json', (await predict({ text: '' })).json())
  fits('/v1/families', 'get', 200, 'application/json', (await app.inject('/v1/families')).json())
  fits('/v1/families/{family}', 'get', 200, 'application/json', (await app.inject('/v1/families/outcome')).json())
})

test('the examples of the document fit their schemas', async (t) => {
  const { app, predict } = await testApp(t)
  const document = (await app.inject('/openapi.json')).json()
  const { example } = document.paths['/v1/predict'].post.requestBody.content['application/json']
  assert.equal((await predict(example)).statusCode, 200)
})
