import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepFreedMemory } from '../../src/cli/allocator-variables.js'

test('processes started from here keep the memory that runs give back', () => {
  const environment = { HOME: '/home' }
  keepFreedMemory(environment)
  assert.deepEqual(environment, {
    HOME: '/home',
    MALLOC_MMAP_THRESHOLD_: '33554432',
    MALLOC_TRIM_THRESHOLD_: '67108864',
  })
})

test('what the shell says of the allocator is left as it is', () => {
  const environment = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '1' }
  keepFreedMemory(environment)
  assert.deepEqual(environment, {
    MALLOC_ARENA_MAX: '2',
    MALLOC_TRIM_THRESHOLD_: '1',
    MALLOC_MMAP_THRESHOLD_: '33554432',
  })
})
