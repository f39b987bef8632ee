import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { execa } from 'execa'
import { ROOT } from './agent/gateway.ts'

interface Findings {
  tpm: string
  command: { outcome: string; latency_ms: number }
  forged: { attempts: number; safe_ms: number }
  final: Record<string, string>
  refused: { reason: string }
  reset: { outcome: string }
  audit: { records: number; verified: boolean; tampered_record: number; tamper_detected_at: number }
}

test('the demo plays the main job on real parts, and all of it holds', async () => {
  const { stdout, stderr, exitCode } = await execa(
    process.execPath,
    [join(ROOT, 'demo', 'main.ts'), '--json'],
    { reject: false },
  )
  assert.equal(exitCode, 0, stdout + stderr)
  const found = JSON.parse(stdout) as Findings
  assert.match(found.tpm, /^(?:swtpm|device) \((?:resident|sealed), sha256:7\)$/)
  assert.equal(found.command.outcome, 'verified')
  assert.ok(found.command.latency_ms > 0)
  assert.equal(found.forged.attempts, 5)
  assert.ok(found.forged.safe_ms > 0)
  assert.deepEqual(found.final, { 'inlet-valve': 'closed', 'coolant-pump': 'on' })
  assert.equal(found.refused.reason, 'tripped')
  assert.equal(found.reset.outcome, 'reset')
  assert.equal(found.audit.verified, true)
  assert.ok(found.audit.records > 10)
  assert.equal(found.audit.tamper_detected_at, found.audit.tampered_record)
})
