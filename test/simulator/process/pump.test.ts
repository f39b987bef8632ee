import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRunning, stepPump } from '../../../simulator/process/pump.ts'

const SPEC = { spin_up: 200 }

describe('a pump', () => {
  it('is said to run when its shaft is at speed, not when it was told to', () => {
    const started = stepPump(SPEC, { speed: 0 }, 1, 10)
    assert.equal(isRunning(started), false)
    assert.equal(isRunning(stepPump(SPEC, started, 1, 190)), true)
  })

  it('is at full speed after its spin-up time and at rest after as long again', () => {
    assert.equal(stepPump(SPEC, { speed: 0 }, 1, 200).speed, 1)
    assert.equal(stepPump(SPEC, { speed: 1 }, 0, 200).speed, 0)
  })
})
