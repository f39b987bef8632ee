import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'

const HOLDFAST = new URL('../../../bin/holdfast', import.meta.url).pathname
const PLANT = new URL('../../../examples/water-treatment/plant.yaml', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'scenario-'))
after(() => rmSync(folder, { recursive: true }))

function simulate(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(HOLDFAST, ['simulate', ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

function write(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

const HEAD = `scenario: it opens\nplant: ${PLANT}\nsteps:\n  - {at: 0s, write: {coil: 0, value: 1}}\n`
const GOOD = `${HEAD}  - {at: 1s, expect: {input_register: 0, equals: 1000}}\n`
const BAD = `${HEAD}  - {at: 1s, expect: {input_register: 0, equals: 0}}\n`

describe('holdfast simulate --scenario', () => {
  it('exits with 0 when all went as expected, in virtual time', () => {
    const { status, stdout, stderr } = simulate('--scenario', write('good.yaml', GOOD))
    assert.deepEqual([status, stderr], [0, ''])
    assert.equal(
      stdout,
      `it opens (water-treatment)
    0.000 s  ok      writes coil 0 = 1: ok
    1.000 s  ok      expects input-register 0 is 1000: 1000
passed

`,
    )
  })

  it('exits with 3 when one of several did not, and says where and what was found', () => {
    const [good, bad] = [write('good.yaml', GOOD), write('bad.yaml', BAD)]
    const { status, stdout } = simulate('--scenario', bad, good)
    assert.equal(status, 3)
    assert.ok(
      stdout.includes(`FAILED ${bad}:5:5: expects input-register 0 is 0; found 1000\nfailed: 1\n`),
      stdout,
    )
    const json = simulate('--json', '--scenario', bad)
    const lines = json.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(lines.at(-1), { scenario: 'it opens', passed: false, failed: 1 })
    assert.deepEqual(lines.at(-2), {
      at: 1000,
      place: `${bad}:5:5`,
      what: 'expects input-register 0 is 0',
      passed: false,
      found: '1000',
    })
  })

  it('plays in real time when it is given a speed', () => {
    const { status } = simulate('--speed', '20', '--port', '0', '--scenario', write('good.yaml', GOOD))
    assert.equal(status, 0)
  })

  it('exits with 2 and names line and column of everything that is wrong', () => {
    const rows: [step: string, ...problems: string[]][] = [
      [
        '{at: soon, clear: all}',
        '4:10: steps[0].at: expected a time since the start such as 0s, 500ms or 2m, not "soon"',
      ],
      ['{at: 1s}', '4:5: steps[0]: expected one of write, fault, clear, disturb, expect'],
      ['{at: 1s, clear: all, rite: 1}', '4:26: steps[0].rite: is not a known key'],
      ['{at: 1s, every: 1s, clear: all}', '4:5: steps[0]: expected every and until'],
      [
        '{at: 1s, clear: sticky}',
        '4:21: steps[0].clear: expected all or one of stuck, reversed, slow, feedback-frozen, feedback-lies, drift, sensor-failed, write-ignored, latency, exception, silent, half-open, dropped-link, session-closed, wrong-certificate, second-master; not sticky',
      ],
      ['{at: 1s, write: {coil: 0}}', '4:14: steps[0].write: expected value or counting: true'],
      ['{at: 1s, write: {coil: 9, value: 1}}', '4:28: steps[0].write.coil: the plant file maps no coil 9'],
      [
        '{at: 1s, write: {coil: 0, value: 1, plc: b}}',
        '4:46: steps[0].write.plc: no PLC is called b; there is plc',
      ],
      ['{at: 1s, expect: {coil: 0}}', '4:14: steps[0].expect: expected equals, or min, max or both'],
      [
        '{at: 1s, expect: {coil: 0, discrete_input: 0, equals: 1}}',
        '4:14: steps[0].expect: expected one of signal, shown, node, watchdog, coil, discrete_input, holding_register, input_register',
      ],
      [
        '{at: 1s, disturb: {signal: tank.level, to: 1}}',
        '4:32: steps[0].disturb.signal: expected one of tank.demand, cooling-loop.heat-load; not tank.level',
      ],
      [
        '{at: 1s, fault: {kind: stuck, element: tank}}',
        '4:44: steps[0].fault.element: no valve or pump is called tank; there is inlet-valve, coolant-pump',
      ],
    ]
    const steps = rows.map(([step]) => step)
    for (const [i, step] of steps.entries()) {
      const file = write('wrong.yaml', `scenario: wrong\nplant: ${PLANT}\nsteps:\n  - ${step}\n`)
      const { status, stderr, stdout } = simulate('--scenario', file)
      assert.equal(status, 2, step)
      assert.equal(stdout, '')
      assert.equal(
        stderr,
        `${file}:${rows[i]?.[1]}\nNothing was played: correct one problem in ${file} and try again.\n`,
      )
    }
  })

  it('exits with 2 when a file is not there, or the plant file is wrong', () => {
    const rows: [file: string, message: RegExp][] = [
      [join(folder, 'none.yaml'), /^There is no scenario file .*none\.yaml\.\n$/],
      [
        write('lost.yaml', GOOD.replace(PLANT, 'none.yaml')),
        /^There is no plant file .*none\.yaml, which .*lost\.yaml names in plant\./,
      ],
      [write('odd.yaml', 'scenario: [\n'), /^.*odd\.yaml:2:1: /],
      [
        write('in-bad.yaml', GOOD.replace(PLANT, write('bad-plant.yaml', 'plant: 3\n'))),
        /bad-plant\.yaml:1:8: plant: expected text\n[\s\S]*correct 3 problems in the plant of .*in-bad\.yaml/,
      ],
    ]
    for (const [file, message] of rows) {
      const { status, stderr } = simulate('--scenario', file)
      assert.equal(status, 2)
      assert.match(stderr, message)
    }
  })

  it('takes its faults and its time from the file alone', () => {
    const good = write('good.yaml', GOOD)
    for (const args of [['--fault', 'half-open'], ['--control', '0'], ['--stepped']]) {
      const { status, stderr } = simulate('--scenario', good, ...args)
      assert.equal(status, 2)
      assert.match(stderr, /'--scenario <file...>' cannot be used with option '--(fault|control|stepped)/)
    }
  })

  it('is not mixed with a plant file', () => {
    for (const args of [[], [PLANT, '--scenario', write('good.yaml', GOOD)]]) {
      const { status, stderr } = simulate(...args)
      assert.equal(status, 2)
      assert.match(stderr, /give either a plant file or --scenario/)
    }
  })
})
