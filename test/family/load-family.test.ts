import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { FamilyManifest } from '../../src/family/family-schema.js'
import { sha256OfFile } from '../../src/family/file-hash.js'
import { listFamilies } from '../../src/family/list-families.js'
import { loadFamily, tierPaths } from '../../src/family/load-family.js'
import { writeTinyFamily } from '../support/tiny-family.js'

let folder: string
let pristine: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'family-'))
  pristine = join(folder, 'pristine')
  await writeTinyFamily(pristine)
})
after(() => rm(folder, { recursive: true, force: true }))

let copies = 0
async function copy(): Promise<string> {
  const dir = join(folder, `copy-${copies++}`)
  await cp(pristine, dir, { recursive: true })
  return dir
}

async function edit(dir: string, change: (manifest: FamilyManifest) => unknown): Promise<void> {
  const file = join(dir, 'family.json')
  const manifest = JSON.parse(await readFile(file, 'utf8'))
  change(manifest)
  await writeFile(file, JSON.stringify(manifest))
}

const hashes = { verify: 'hashes' } as const

test('a family loads with its version, the hash of its manifest, and the paths of its tiers', async () => {
  const family = await loadFamily(pristine, hashes)
  assert.equal(family.version, `sha256:${await sha256OfFile(join(pristine, 'family.json'))}`)
  assert.deepEqual(Object.keys(family.paths.tiers), ['teacher', 'balanced', 'fast'])
  assert.equal(tierPaths(family, 'fast').weights, join(pristine, 'fast', 'weights.bin'))
  assert.equal(family.paths.tokenizer, join(pristine, 'tokenizer.json'))
})

for (const file of ['tokenizer.json', 'teacher/model.onnx', 'balanced/weights.bin', 'fast/weights.bin']) {
  test(`${file}: missing, truncated or altered, it is named and the family refused`, async () => {
    const dir = await copy()
    const path = join(dir, file)
    const bytes = await readFile(path)
    await truncate(path, bytes.length - 1)
    for (const verify of ['hashes', 'sizes'] as const) {
      await assert.rejects(loadFamily(dir, { verify }), {
        code: 'FAMILY_FILE_ALTERED',
        message: new RegExp(`${file}.*${bytes.length} bytes.*${bytes.length - 1} bytes`),
      })
    }
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1)
    await writeFile(path, bytes)
    await assert.rejects(loadFamily(dir, hashes), {
      code: 'FAMILY_FILE_ALTERED',
      message: new RegExp(`${file}.*sha256`),
    })
    await rm(path)
    await assert.rejects(loadFamily(dir, hashes), { code: 'FAMILY_INVALID', message: new RegExp(`${file} is missing`) })
    await mkdir(path)
    await assert.rejects(loadFamily(dir, hashes), { code: 'FAMILY_INVALID', message: /is not a file/ })
  })
}

test('a file that is a link out of the folder is refused, a link within it is not', async () => {
  const dir = await copy()
  const path = join(dir, 'fast', 'weights.bin')
  await rename(path, join(folder, 'elsewhere.bin'))
  await symlink(join(folder, 'elsewhere.bin'), path)
  await assert.rejects(loadFamily(dir, hashes), { code: 'FAMILY_INVALID', message: /fast\/weights\.bin is a link out/ })
  await rm(path)
  await rename(join(folder, 'elsewhere.bin'), join(dir, 'fast', 'real.bin'))
  await symlink('real.bin', path)
  await loadFamily(dir, hashes)
})

test('a family folder that is itself a link loads', async () => {
  const link = join(folder, 'link')
  await symlink(pristine, link)
  await loadFamily(link, hashes)
})

type Change = (manifest: FamilyManifest) => unknown

const FAULTS: [string, Change, RegExp][] = [
  ['an unknown property', (m) => Object.assign(m, { surprise: 1 }), /family\.json .*surprise/],
  [
    'a wrong type',
    (m) => Object.assign(m.tiers[0]!.calibration, { temperature: 'hot' }),
    /\/tiers\/0\/calibration\/temp/,
  ],
  [
    'a temperature of 0',
    (m) => Object.assign(m.tiers[1]!.calibration, { temperature: 0 }),
    /\/tiers\/1\/calibration\/temp/,
  ],
  ['another format version', (m) => Object.assign(m, { formatVersion: 2 }), /\/formatVersion/],
  ['a name that is a path', (m) => Object.assign(m, { name: '../evil' }), /\/name/],
  ['a hash that is none', (m) => Object.assign(m.tokenizer, { sha256: 'x' }), /\/tokenizer\/sha256/],
  ['tiers out of order', (m) => m.tiers.reverse(), /\/tiers\/1\/tier must come once, in the order teacher/],
  ['a tier twice', (m) => m.tiers.splice(1, 1, m.tiers[0]!), /\/tiers\/1\/tier must come once/],
  [
    'labels that no logit belongs to',
    (m) => m.labels.push('draws'),
    /\/tiers\/0\/config\/labels is 2, but there are 3/,
  ],
  ['more tokens than positions', (m) => Object.assign(m, { maxTokens: 65 }), /maxPositions is 64, but maxTokens is 65/],
  ['windows that never advance', (m) => Object.assign(m, { windowOverlap: 62 }), /\/windowOverlap/],
  ['a wrong parameter count', (m) => Object.assign(m.tiers[2]!, { parameters: 1 }), /\/tiers\/2\/parameters is 1/],
]

for (const [name, change, message] of FAULTS) {
  test(`a manifest with ${name} is refused at its JSON pointer`, async () => {
    const dir = await copy()
    await edit(dir, change)
    await assert.rejects(loadFamily(dir, hashes), { code: 'FAMILY_INVALID', message })
  })
}

test('a manifest that is not JSON, and a folder without one, are refused', async () => {
  const dir = await copy()
  await writeFile(join(dir, 'family.json'), '{"formatVersion": 1,')
  await assert.rejects(loadFamily(dir, hashes), { code: 'FAMILY_INVALID', message: /family\.json is not JSON/ })
  await rm(join(dir, 'family.json'))
  await assert.rejects(loadFamily(dir, hashes), {
    code: 'FAMILY_INVALID',
    message: /family\.json cannot be read \(ENOENT\)/,
  })
})

test('a folder that is itself a family stands alone, and one whose family.json is missing is broken, not overlooked', async () => {
  const models = join(folder, 'alone')
  await writeTinyFamily(join(models, 'one'), { name: 'one' })
  await writeTinyFamily(join(models, 'two'), { name: 'two' })
  const alone = await listFamilies(join(models, 'one'), hashes)
  assert.deepEqual(
    alone.families.map(({ manifest }) => manifest.name),
    ['one'],
  )
  await rm(join(models, 'two', 'family.json'))
  const { families, broken } = await listFamilies(models, hashes)
  assert.equal(families.length, 1)
  assert.match(broken[0]?.reason ?? '', /family\.json cannot be read/)
})

test('broken families are listed beside the good ones, other folders are passed over', async () => {
  const models = join(folder, 'models')
  await writeTinyFamily(join(models, 'b-good'), { name: 'good', tiers: ['fast'] })
  await writeTinyFamily(join(models, 'a-other'), { name: 'other', tiers: ['fast'] })
  await cp(join(models, 'b-good'), join(models, 'c-twin'), { recursive: true })
  await cp(join(models, 'b-good'), join(models, 'd-altered'), { recursive: true })
  await truncate(join(models, 'd-altered', 'fast', 'weights.bin'), 10)
  await cp(join(models, 'b-good'), join(models, '.b-good.partial-1'), { recursive: true })
  await mkdir(join(models, 'empty'))
  await writeFile(join(models, 'README.md'), 'not a family')
  await mkdir(join(models, 'b-good.run'))
  await cp(join(models, 'b-good', 'tokenizer.json'), join(models, 'b-good.run', 'tokenizer.json'))
  await writeFile(join(models, 'b-good.run', 'events.ndjson'), '')
  const { families, broken } = await listFamilies(models, hashes)
  assert.deepEqual(
    families.map(({ manifest }) => manifest.name),
    ['good', 'other'],
  )
  assert.deepEqual(
    broken.map(({ name }) => name),
    ['c-twin', 'd-altered'],
  )
  assert.match(broken[0]!.reason, /also the name of b-good/)
  assert.match(broken[1]!.reason, /fast\/weights\.bin/)
  await assert.rejects(listFamilies(join(folder, 'nowhere'), hashes), {
    code: 'FAMILY_INVALID',
    message: /nowhere.*ENOENT/,
  })
})
