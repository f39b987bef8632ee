import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ControlServer } from '../../../simulator/control/server.ts'
import { TimeControl } from '../../../simulator/control/time.ts'
import { startPlant } from '../../../simulator/plant.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { Browser } from '../../browser.ts'
import { contrast, luminance } from '../../contrast.ts'
import { connect, WATER_PLANT } from '../water-plant.ts'

/** The water plant, its control port, and somebody who looks at its picture. */
async function lookAtPlant() {
  await using stack = new AsyncDisposableStack()
  const clock = new VirtualClock()
  const plant = stack.use(await startPlant({ plant: WATER_PLANT }, { clock }))
  const time = new TimeControl({ mode: 'stepped', clock })
  const control = stack.use(await ControlServer.start({ host: '127.0.0.1', port: 0 }, plant, time))
  // One scan, so that sensors and flows are what they are.
  await clock.advance(10)
  const url = `http://127.0.0.1:${control.address.port}/`
  const page = stack.use(await Browser.open(url))
  await page.until(`document.querySelector('#symbol-inlet-valve')`)
  const running = stack.move()
  return { plant, clock, control, page, url, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** Whether the picture has a text, to the letter. */
const says = (text: string) =>
  `[...document.querySelectorAll('#mimic text')].some(node => node.textContent === ${JSON.stringify(text)})`
const classOf = (id: string) => `document.querySelector('#symbol-${id}').getAttribute('class')`
const SUMMARY = `document.querySelector('#summary').textContent`
const DEADLINE = { timeout: 60_000 }

describe('the picture of the plant, in a browser', DEADLINE, () => {
  it('shows the tank, the valve, the pump and the temperature, and goes on showing them as they change', async () => {
    await using rig = await lookAtPlant()
    const { page, plant, clock } = rig
    for (const text of ['water', 'tank', 'inlet-valve', 'coolant-pump', 'cooling-loop'])
      assert.ok(await page.evaluate(`document.body.textContent.includes('${text}')`), text)
    for (const text of ['1.20 m', '0 % open', '0 % speed', '32.0 °C', 'consumers 2.00 l/s'])
      assert.ok(await page.evaluate(says(text)), text)
    const before = await page.evaluate<number>(`document.querySelector('#water-tank').height.baseVal.value`)
    const client = await connect(plant)
    await client.writeCoil(0, true)
    await client.writeCoil(1, true)
    client.destroy(() => {})
    await clock.advance(60_000)
    await page.until(`document.querySelector('#time').textContent.startsWith('60.0 s')`)
    assert.ok(await page.evaluate(says('100 % open')))
    assert.match(await page.evaluate(classOf('inlet-valve')), /\bon\b/)
    assert.match(await page.evaluate(classOf('coolant-pump')), /\bon\b/)
    assert.ok(await page.evaluate(says('100 % speed')))
    assert.ok(await page.evaluate(says(`${plant.truth('cooling-loop.temperature').toFixed(1)} °C`)))
    assert.ok(await page.evaluate(says(`${plant.truth('tank.level').toFixed(2)} m`)))
    const after = await page.evaluate<number>(`document.querySelector('#water-tank').height.baseVal.value`)
    assert.ok(after > before, `the water stands at ${after} and stood at ${before}`)
  })

  it('shows a fault where it is, in words and not by colour alone, and a sensor that lies beside the truth', async () => {
    await using rig = await lookAtPlant()
    const { page, plant, clock } = rig
    assert.equal(await page.evaluate(SUMMARY), 'no faults')
    await plant.faults.set({ kind: 'stuck', element: 'inlet-valve' })
    await plant.faults.set({ kind: 'feedback-lies', signal: 'tank.level', value: 2.5 })
    await clock.advance(10)
    await page.until(says('shows 2.50 m'))
    assert.equal(await page.evaluate(SUMMARY), '2 faults')
    assert.ok(await page.evaluate(says('stuck')))
    assert.match(await page.evaluate(classOf('inlet-valve')), /\bfaulty\b/)
    assert.doesNotMatch(await page.evaluate(classOf('coolant-pump')), /\bfaulty\b/)
    assert.match(
      await page.evaluate(`document.querySelector('#faults').textContent`),
      /stuck, element inlet-valve/,
    )
    await plant.faults.clear()
    await page.until(`${SUMMARY} === 'no faults'`)
    assert.equal(await page.evaluate(says('stuck')), false)
  })

  it('is worked by the keyboard: the faults are cleared with Tab and Enter', async () => {
    await using rig = await lookAtPlant()
    await rig.plant.faults.set({ kind: 'stuck', element: 'inlet-valve' })
    await rig.page.until(`${SUMMARY} === '1 fault'`)
    await rig.page.press('Tab')
    assert.equal(await rig.page.evaluate('document.activeElement.id'), 'clear')
    await rig.page.press('Enter')
    await rig.page.until(`${SUMMARY} === 'no faults'`)
    assert.deepEqual(rig.plant.faults.active, [])
  })

  it('is dark where a person likes it dark, and readable in both', async () => {
    await using rig = await lookAtPlant()
    for (const scheme of ['light', 'dark'] as const) {
      await rig.page.prefer(scheme)
      const [ground, ink, text] = await rig.page.evaluate<[string, string, string]>(
        `[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,
          getComputedStyle(document.querySelector('#mimic .value')).fill]`,
      )
      assert.equal(luminance(ground) > 0.5, scheme === 'light')
      for (const color of [ink, text]) assert.ok(contrast(ground, color) >= 7, `${color} on ${ground}`)
    }
  })

  it('asks nobody but the simulator, and says so when that has gone', async () => {
    await using rig = await lookAtPlant()
    assert.ok(rig.page.requests.length >= 4, rig.page.requests.join(' '))
    for (const request of rig.page.requests)
      assert.ok(request.startsWith(rig.url) || request === 'data:,', request)
    await rig.control[Symbol.asyncDispose]()
    await rig.page.until(`${SUMMARY}.includes('what you see is old')`)
  })
})
