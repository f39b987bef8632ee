import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import type { Fault } from '../../simulator/fault.ts'
import { describeNews, FaultFile, FaultFileError } from '../../simulator/fault-file.ts'
import { Faults, type Link } from '../../simulator/faults.ts'
import { realClock } from '../../simulator/real-clock.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const STUCK: Fault = { kind: 'stuck', element: 'valve' }

/** A link that writes down what is done to it. */
class LoggedLink implements Link {
  readonly done: string[] = []
  restoring: () => Promise<void> = async () => {}
  drop = async () => void this.done.push('drop')
  hang = () => void this.done.push('hang')
  reset = () => void this.done.push('reset')
  restore = async () => {
    this.done.push('restore')
    await this.restoring()
  }
}

/** A fault file beside the faults of a plant with a valve, a level and two PLCs. */
class Rig implements AsyncDisposable {
  readonly path: string
  readonly links = { a: new LoggedLink(), b: new LoggedLink() }
  readonly faults = new Faults(
    {
      actuators: new Set(['valve']),
      measurements: new Set(['tank.level']),
      plcs: new Set(['a', 'b']),
    },
    new Map(Object.entries(this.links)),
  )
  readonly #folder: Awaited<ReturnType<typeof temporaryFolder>>
  readonly #news: string[] = []
  #waiting: (() => void) | undefined
  #file: FaultFile | undefined

  private constructor(folder: Awaited<ReturnType<typeof temporaryFolder>>) {
    this.#folder = folder
    this.path = join(folder.path, 'faults.yaml')
  }

  /** `lines` are its list; without them there is no file. */
  static async start(...lines: readonly string[]): Promise<Rig> {
    const rig = new Rig(await temporaryFolder())
    if (lines.length > 0) rig.save(...lines)
    rig.#file = await FaultFile.open(rig.path, rig.faults, realClock)
    rig.#file.tell(news => {
      rig.#news.push(describeNews(news).replaceAll(rig.path, 'faults.yaml'))
      rig.#waiting?.()
    })
    return rig
  }

  /** As an editor does that puts another file in its place. */
  save(...lines: readonly string[]): void {
    writeFileSync(`${this.path}.new`, ['faults:', ...lines.map(line => `  - ${line}`), ''].join('\n'))
    renameSync(`${this.path}.new`, this.path)
  }

  async says(...expected: readonly string[]): Promise<void> {
    while (this.#news.length < expected.length) await new Promise<void>(resolve => (this.#waiting = resolve))
    assert.deepEqual(this.#news.splice(0), expected)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.[Symbol.asyncDispose]()
    await this.#folder[Symbol.asyncDispose]()
  }
}

describe('a fault file', () => {
  it('sets what it lists, changes what it lists otherwise, and clears what it lists no longer', async () => {
    await using rig = await Rig.start('{ kind: stuck, element: valve }')
    await rig.says('stuck,element=valve: set')
    rig.save('{ kind: stuck, element: valve }', '{ kind: latency, ms: 50 }')
    await rig.says('latency,ms=50: set')
    rig.save('{ kind: latency, ms: 80 }')
    await rig.says('latency,ms=80: changed', 'stuck,element=valve: cleared')
    assert.deepEqual(rig.faults.active, [{ kind: 'latency', ms: 80 }])
    writeFileSync(rig.path, 'faults:\n#  - { kind: latency, ms: 80 }\n')
    await rig.says('latency,ms=80: cleared')
    assert.deepEqual(rig.faults.active, [])
  })

  it('need not be there, and a file that was deleted lists nothing', async () => {
    await using rig = await Rig.start()
    await rig.says('not there: it lists no fault until it is')
    rig.save('{ kind: stuck, element: valve }')
    await rig.says('stuck,element=valve: set')
    rmSync(rig.path)
    await rig.says('not there: it lists no fault until it is', 'stuck,element=valve: cleared')
  })

  it('that goes with its folder lists nothing, and says that it is watched no longer', async () => {
    await using rig = await Rig.start('{ kind: stuck, element: valve }')
    await rig.says('stuck,element=valve: set')
    // Moved away: the file goes on existing, and is none of ours.
    renameSync(dirname(rig.path), `${dirname(rig.path)}-moved`)
    renameSync(`${dirname(rig.path)}-moved`, dirname(rig.path))
    rig.save('{ kind: silent }')
    await rig.says('silent: set', 'stuck,element=valve: cleared')
    rmSync(dirname(rig.path), { recursive: true })
    await rig.says(
      'its folder is gone: it lists no fault, and is watched no longer. Make the folder and start the plant again',
      'silent: cleared',
    )
  })

  it('leaves alone what it never listed, whoever set it', async () => {
    await using rig = await Rig.start('{ kind: latency, ms: 50 }')
    await rig.says('latency,ms=50: set')
    await rig.faults.set(STUCK)
    rig.save('{ kind: silent }')
    await rig.says('silent: set', 'latency,ms=50: cleared')
    rmSync(rig.path)
    await rig.says('not there: it lists no fault until it is', 'silent: cleared')
    assert.deepEqual(rig.faults.active, [STUCK])
  })

  it('has its way with what it lists at each save, whatever was done to it in between', async () => {
    await using rig = await Rig.start('{ kind: stuck, element: valve }', '{ kind: latency, ms: 50 }')
    await rig.says('stuck,element=valve: set', 'latency,ms=50: set')
    await rig.faults.clear('stuck')
    await rig.faults.set({ kind: 'latency', ms: 9 })
    rig.save('{ kind: stuck, element: valve }', '{ kind: latency, ms: 50 }')
    await rig.says('stuck,element=valve: set', 'latency,ms=50: changed')
    // What it takes over from somebody else is its own from then on.
    await rig.faults.set({ kind: 'drift', signal: 'tank.level', per_second: 1 })
    rig.save('{ kind: drift, signal: tank.level, per_second: 2 }')
    await rig.says(
      'drift,signal=tank.level,per_second=2: changed',
      'stuck,element=valve: cleared',
      'latency,ms=50: cleared',
    )
    rig.save()
    await rig.says('drift,signal=tank.level,per_second=2: cleared')
  })

  it('does a fault once that acts at the moment it is set, however often the file is saved', async () => {
    await using rig = await Rig.start('{ kind: half-open }')
    await rig.says('half-open: set')
    rig.save('{ kind: half-open }', '{ kind: stuck, element: valve }')
    await rig.says('stuck,element=valve: set')
    assert.deepEqual(rig.links.a.done, ['hang'])
  })

  it('does not bring a link up between two faults that hold it down', async () => {
    await using rig = await Rig.start('{ kind: dropped-link, plc: a }')
    await rig.says('dropped-link,plc=a: set')
    rig.save('{ kind: dropped-link }')
    await rig.says('dropped-link: set', 'dropped-link,plc=a: cleared')
    assert.ok(!rig.links.a.done.includes('restore'))
    rig.save()
    await rig.says('dropped-link: cleared')
    assert.deepEqual([rig.links.a.done.at(-1), rig.links.b.done.at(-1)], ['restore', 'restore'])
  })

  it('that cannot be used is told with line, column and what next, and the faults stay as they were', async () => {
    await using rig = await Rig.start('{ kind: stuck, element: valve }')
    await rig.says('stuck,element=valve: set')
    const next = 'The faults stay as they were: correct the file and save it.'
    const rows: [text: string, told: string][] = [
      [
        'faults: [',
        'faults.yaml:1:10: Flow sequence in block collection must be sufficiently indented and end with a ]',
      ],
      ['stuck: true', 'faults.yaml:1:1: stuck: is not a known key'],
      ['- { kind: silent }', 'faults.yaml:1:1: expected a mapping'],
      [
        'faults:\n  - { kind: stuck, element: pump }',
        'faults.yaml:2:29: faults[0].element: no valve or pump is called pump; there is valve',
      ],
      [
        'faults:\n  - { kind: slow, element: valve }',
        'faults.yaml:2:5: faults[0].factor: is missing: expected a number',
      ],
      [
        'faults:\n  - { kind: latency, ms: 1 }\n  - { kind: latency, ms: 2 }',
        'faults.yaml:3:5: faults[1]: this fault is listed twice',
      ],
      [
        'faults:\n  - { kind: silent, on: x }\n  - { kind: latency }',
        'faults.yaml:2:25: faults[0].on: expected one of reads, writes\nfaults.yaml:3:5: faults[1].ms: is missing: expected a number',
      ],
    ]
    for (const [text, told] of rows) {
      writeFileSync(rig.path, text)
      await rig.says(`${told}. ${next}`)
      assert.deepEqual(rig.faults.active, [STUCK])
    }
    rig.save('{ kind: stuck, element: valve }')
    await rig.says('it can be used again')
  })

  it('that cannot be read is told with the reason, and the faults stay as they were', async () => {
    await using rig = await Rig.start('{ kind: stuck, element: valve }')
    await rig.says('stuck,element=valve: set')
    rmSync(rig.path)
    await rig.says('not there: it lists no fault until it is', 'stuck,element=valve: cleared')
    await rig.faults.set(STUCK)
    mkdirSync(rig.path)
    await rig.says(
      'faults.yaml: it cannot be read (it is no ordinary file). The faults stay as they were: correct the file and save it.',
    )
    assert.deepEqual(rig.faults.active, [STUCK])
  })

  it('that cannot be used at the start is an error', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'faults.yaml')
    writeFileSync(path, 'faults: 3')
    const faults = new Faults({ actuators: new Set(), measurements: new Set(), plcs: new Set() }, new Map())
    await assert.rejects(
      FaultFile.open(path, faults, realClock),
      error => error instanceof FaultFileError && error.message === `${path}:1:9: faults: expected a list`,
    )
  })

  it('says when a link that it cleared a fault of cannot be brought up', async () => {
    await using rig = await Rig.start('{ kind: dropped-link, plc: a }')
    await rig.says('dropped-link,plc=a: set')
    rig.links.a.restoring = async () => {
      throw new Error('listen EADDRINUSE')
    }
    rig.save()
    await rig.says(
      'dropped-link,plc=a: its link does not follow: a stays dropped: listen EADDRINUSE. Free what it needs, then list the fault and take it out again.',
    )
  })
})
