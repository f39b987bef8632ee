import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { circulation, isRunning, pumpFlow, pumpHead, stepPump } from '../../../simulator/process/pump.ts'

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

  it('works where its curve and the pipe’s meet, at any speed', () => {
    const curves = fc.record({
      shutoff_head_m: fc.double({ min: 1, max: 100, noNaN: true }),
      free_flow_l_s: fc.double({ min: 0.1, max: 100, noNaN: true }),
      lift_m: fc.double({ min: 0, max: 100, noNaN: true }),
      friction_m: fc.double({ min: 0, max: 100, noNaN: true }),
    })
    fc.assert(
      fc.property(curves, fc.double({ min: 0, max: 1, noNaN: true }), (curve, speed) => {
        const flow = pumpFlow({ ...SPEC, curve }, { speed })
        const head = pumpHead({ ...SPEC, curve }, { speed })
        if (flow === 0) assert.ok(head <= curve.lift_m + 1e-9)
        else {
          const wanted = curve.lift_m + curve.friction_m * (flow / curve.free_flow_l_s) ** 2
          assert.ok(Math.abs(head - wanted) < 1e-9 * (1 + wanted), `${head} m, not ${wanted} m`)
        }
      }),
      { seed: 20_261_128 },
    )
  })

  it('follows the affinity laws where nothing is lifted: flow with speed, head with its square', () => {
    const spec = { ...SPEC, curve: { shutoff_head_m: 40, free_flow_l_s: 10, lift_m: 0, friction_m: 40 } }
    const [full, half] = [{ speed: 1 }, { speed: 0.5 }]
    assert.ok(Math.abs(pumpFlow(spec, full) - 10 * Math.SQRT1_2) < 1e-12)
    assert.ok(Math.abs(pumpFlow(spec, half) / pumpFlow(spec, full) - 0.5) < 1e-12)
    assert.ok(Math.abs(pumpHead(spec, half) / pumpHead(spec, full) - 0.25) < 1e-12)
    assert.equal(circulation(spec, half), 0.5)
  })

  it('moves nothing when it is too slow for the lift, and nothing runs back', () => {
    const spec = { ...SPEC, curve: { shutoff_head_m: 40, free_flow_l_s: 10, lift_m: 10, friction_m: 0 } }
    assert.equal(pumpFlow(spec, { speed: 0.49 }), 0)
    assert.ok(pumpFlow(spec, { speed: 0.51 }) > 0)
    assert.equal(circulation(spec, { speed: 0.49 }), 0)
  })
})
