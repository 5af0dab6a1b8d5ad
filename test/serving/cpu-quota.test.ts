import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpuEngineLayout, cpuQuota, isThrottled } from '../../src/serving/cpu-quota.js'

const host = (affinityCpus: number, files: Record<string, string>) => ({
  affinityCpus,
  read: (path: string): string | undefined => files[path],
})

test('without control groups the affinity decides', () => {
  assert.equal(cpuQuota(host(16, {})), 16)
})

test('a container of control groups v2 gets its quota, seen at the root of its namespace', () => {
  assert.equal(cpuQuota(host(64, { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '150000 100000\n' })), 1.5)
  assert.equal(cpuQuota(host(64, { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' })), 64)
})

test('a quota below the CPUs rations their time; one of all of them, or none, does not', () => {
  const quota = (max: string) => ({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': max })
  assert.equal(isThrottled(host(64, quota('200000 100000'))), true)
  assert.equal(isThrottled(host(2, quota('200000 100000'))), false)
  assert.equal(isThrottled(host(2, quota('max 100000'))), false)
})

test('a quota of any group above counts', () => {
  const files = {
    '/proc/self/cgroup': '0::/kubepods/pod1/main\n',
    '/sys/fs/cgroup/kubepods/cpu.max': '800000 100000',
    '/sys/fs/cgroup/kubepods/pod1/cpu.max': '200000 100000',
    '/sys/fs/cgroup/kubepods/pod1/main/cpu.max': 'max 100000',
  }
  assert.equal(cpuQuota(host(64, files)), 2)
})

test('control groups v1 are read too, and −1 is no limit', () => {
  const files = (quota: string) => ({
    '/proc/self/cgroup': '5:memory:/a\n4:cpu,cpuacct:/docker/x\n',
    '/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us': quota,
    '/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us': '100000',
  })
  assert.equal(cpuQuota(host(8, files('300000'))), 3)
  assert.equal(cpuQuota(host(8, files('-1'))), 8)
})

test('engines times threads never exceed the whole CPUs unless asked to', () => {
  for (let cpus = 0.5; cpus <= 64; cpus += 0.5) {
    const { engines, threads } = cpuEngineLayout(cpus, {})
    assert.ok(engines >= 1 && threads >= 1)
    assert.ok(engines * threads <= Math.max(1, Math.floor(cpus)))
  }
  assert.deepEqual(cpuEngineLayout(2, {}), { engines: 1, threads: 2 })
  assert.deepEqual(cpuEngineLayout(4, {}), { engines: 2, threads: 2 })
  assert.deepEqual(cpuEngineLayout(16, {}), { engines: 4, threads: 4 })
  assert.deepEqual(cpuEngineLayout(8, { engines: 4 }), { engines: 4, threads: 2 })
  assert.deepEqual(cpuEngineLayout(8, { threads: 8 }), { engines: 1, threads: 8 })
  assert.deepEqual(cpuEngineLayout(2, { engines: 3, threads: 5 }), { engines: 3, threads: 5 })
})
