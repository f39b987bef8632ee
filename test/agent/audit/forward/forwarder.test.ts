import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { getEventListeners, once } from 'node:events'
import { closeSync, constants, copyFileSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { parseCheckpoint } from '../../../../agent/audit/checkpoint.ts'
import { eventOf } from '../../../../agent/audit/export/event.ts'
import { formatCheckpointRfc5424, formatRfc5424 } from '../../../../agent/audit/export/rfc5424.ts'
import { cursorFile } from '../../../../agent/audit/forward/cursor.ts'
import { deliver, type Receiver } from '../../../../agent/audit/forward/deliver.ts'
import { Forwarder } from '../../../../agent/audit/forward/forwarder.ts'
import { Authority } from '../../certificates.ts'
import { Folder, intent, ManualClock, OpenLog, SIGNER } from '../fixture.ts'
import { ReceiverProcess } from './receiver.ts'

const SOURCE = { environment: 'plant', gateway: 'gateway-1' }

let keys: Folder
let authority: Authority
let files: { certificate: string; key: string }
before(async () => {
  keys = new Folder()
  authority = await Authority.make(keys.path, 'authority')
  files = await authority.issue('receiver', 'IP:127.0.0.1')
})
after(() => keys[Symbol.dispose]())

/** A log, and what forwards it to a port of this host. */
class Bench implements AsyncDisposable {
  readonly folder = new Folder()
  readonly messages: string[] = []
  readonly troubles: (string | undefined)[] = []

  /** The first that it told. */
  get trouble(): string | undefined {
    return this.troubles.find(detail => detail !== undefined)
  }
  readonly clock = new ManualClock()
  port = 0
  #log: OpenLog | undefined
  #forwarder: Forwarder<string> | undefined
  #written = 0

  get log(): OpenLog {
    return this.#log ?? assert.fail('no log is open')
  }

  get cursor(): string {
    return join(this.folder.path, 'syslog.cursor')
  }

  /** The numbers of the records that arrived, in the order in which they did. */
  get seqs(): number[] {
    return this.messages.map(text => Number(/ seq="(\d+)"/.exec(text)?.[1]))
  }

  /** What arrived, in order: numbers of records, and `of N` for a checkpoint of so many. */
  get arrived(): (number | string)[] {
    return this.messages.map(text => {
      const [, size, note = ''] = / checkpoint \[.* size="(\d+)" .* note="([^"]+)"/.exec(text) ?? []
      if (size === undefined) return Number(/ seq="(\d+)"/.exec(text)?.[1])
      assert.equal(parseCheckpoint(Buffer.from(note, 'base64').toString())?.size, Number(size))
      return `of ${size}`
    })
  }

  async open(): Promise<void> {
    this.#log = await OpenLog.open(this.folder.log)
  }

  async close(): Promise<void> {
    await this.#log?.[Symbol.asyncDispose]()
    this.#log = undefined
  }

  async append(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      assert.equal((await this.log.log.append(intent(this.#written))).kind, 'durable')
      this.#written += 1
    }
  }

  forward(more: Partial<Receiver> = {}): void {
    const ca = readFileSync(authority.path, 'utf8')
    this.#forwarder = new Forwarder<string>({
      source: this.log.log,
      cursor: cursorFile(this.cursor),
      deliver: (messages, stop) =>
        deliver(
          messages,
          { host: '127.0.0.1', port: this.port, ca, end: 'orderly', timeout: 10_000, ...more },
          stop,
        ),
      format: found => formatRfc5424(eventOf(found, SOURCE)),
      formatCheckpoint: checkpoint => formatCheckpointRfc5424(checkpoint, SOURCE, this.clock.wall()),
      clock: this.clock,
      onTrouble: detail => this.troubles.push(detail),
      onGap: () => assert.fail('nothing is damaged'),
    })
  }

  async stopForwarding(): Promise<void> {
    await this.#forwarder?.[Symbol.asyncDispose]()
    this.#forwarder = undefined
  }

  /** Lets time pass until the condition holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      this.clock.advance(100)
      await turn()
    }
  }

  /** Lets time pass until everything that was written is known to have arrived. */
  async untilDelivered(): Promise<void> {
    while ((await cursorFile(this.cursor).load())?.next !== this.#written) {
      this.clock.advance(100)
      await turn()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopForwarding()
    await this.close()
    this.folder[Symbol.dispose]()
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('the log, forwarded as syslog over TLS,', () => {
  it('arrives whole, in order, as messages of RFC 5424, and so does what comes later', async () => {
    await using bench = new Bench()
    await using receiver = await ReceiverProcess.start(files, bench.messages)
    bench.port = receiver.port
    await bench.open()
    await bench.append(1200)
    bench.forward()
    await bench.untilDelivered()
    await bench.append(1)
    await bench.untilDelivered()
    await receiver.got(1201)
    assert.deepEqual(bench.seqs, upTo(1201))
    assert.match(
      bench.messages[7] ?? '',
      /^<110>1 2026-01-01T[^ ]+Z gateway-1 holdfast - command-intent \[holdfast@32473 environment="plant" seq="7" [^\]]*\] \ufeffsetpoint open$/,
    )
    assert.deepEqual(bench.troubles, [undefined], 'only that they get through')
  })

  it('loses nothing and repeats nothing over outages and restarts of either side', async () => {
    await using bench = new Bench()
    const first = await ReceiverProcess.start(files, bench.messages)
    bench.port = first.port
    await bench.open()
    bench.forward()
    await bench.append(10)
    await bench.untilDelivered()
    await first.kill()
    await bench.append(10)
    await bench.until(() => bench.trouble !== undefined)
    assert.match(String(bench.trouble), /ECONNREFUSED/)
    await bench.stopForwarding()
    await bench.close()
    await bench.open()
    await bench.append(10)
    bench.forward()
    await using second = await ReceiverProcess.start(files, bench.messages, bench.port)
    await bench.untilDelivered()
    for (let round = 0; round < 5; round += 1) {
      await bench.append(3)
      await bench.stopForwarding()
      bench.forward()
      await bench.append(3)
      await bench.untilDelivered()
    }
    await second.got(60)
    assert.deepEqual(bench.seqs, upTo(60))
    assert.equal(bench.troubles.at(-1), undefined, 'and it is told that the trouble is over')
  })

  it('says what to do about a receiver that never ends a connection in order, and takes its word when told to', async () => {
    await using bench = new Bench()
    const rude = await ReceiverProcess.start(files, bench.messages, 0, '--no-goodbye')
    bench.port = rude.port
    await bench.open()
    await bench.append(20)
    bench.forward()
    await bench.until(() => bench.trouble !== undefined)
    assert.match(String(bench.trouble), /set audit\.syslog\.end to closed/)
    await bench.stopForwarding()
    await using other = await ReceiverProcess.start(files, bench.messages, bench.port, '--no-goodbye')
    bench.forward({ end: 'closed' })
    await bench.untilDelivered()
    await other.ended()
    assert.deepEqual(bench.seqs, [...upTo(20), ...upTo(20)])
  })

  for (const [what, words] of [
    ['dies in the middle of a delivery', ['--die-after', '7']],
    ['dies when it has read everything, before it says so', ['--no-goodbye']],
    ['leaves in order in the middle of a delivery', ['--leave-after', '7']],
  ] as const) {
    it(`loses nothing when the receiver ${what}: what was in doubt comes again, under the same numbers`, async () => {
      await using bench = new Bench()
      const dying = await ReceiverProcess.start(files, bench.messages, 0, ...words)
      bench.port = dying.port
      await bench.open()
      await bench.append(400)
      bench.forward()
      await dying.ended()
      assert.equal(await cursorFile(bench.cursor).load(), undefined, 'nothing is believed to have arrived')
      const before = bench.seqs
      await using receiver = await ReceiverProcess.start(files, bench.messages, bench.port)
      await bench.untilDelivered()
      await receiver.got(before.length + 400)
      assert.deepEqual(before, upTo(before.length))
      assert.deepEqual(bench.seqs.slice(before.length), upTo(400))
      assert.deepEqual(
        bench.messages.slice(before.length, before.length * 2),
        bench.messages.slice(0, before.length),
      )
    })
  }

  it('goes to nobody whose certificate is not of the authority, or of another host', async () => {
    const stranger = await (await Authority.make(keys.path, 'stranger')).issue('impostor', 'IP:127.0.0.1')
    const elsewhere = await authority.issue('elsewhere', 'DNS:logs.example.com')
    for (const [shown, says] of [
      [stranger, /self-signed certificate|unable to verify|unable to get/],
      [elsewhere, /does not match certificate/],
    ] as const) {
      await using bench = new Bench()
      await using receiver = await ReceiverProcess.start(shown, bench.messages)
      bench.port = receiver.port
      await bench.open()
      await bench.append(5)
      bench.forward()
      await bench.until(() => bench.trouble !== undefined)
      assert.match(String(bench.trouble), says)
      assert.deepEqual(bench.messages, [])
    }
  })

  it('shows its own certificate to a receiver that asks for one', async () => {
    await using bench = new Bench()
    await using receiver = await ReceiverProcess.start(
      files,
      bench.messages,
      0,
      '--client-ca',
      authority.path,
    )
    bench.port = receiver.port
    await bench.open()
    await bench.append(5)
    bench.forward()
    await bench.until(() => bench.trouble !== undefined)
    await bench.stopForwarding()
    assert.deepEqual(bench.messages, [])
    const client = await authority.client('sender', 'DNS:gateway-1')
    bench.forward({ certificate: client.certificate, key: client.key })
    await bench.untilDelivered()
    await receiver.got(5)
    assert.deepEqual(bench.seqs, upTo(5))
  })

  for (const [what, later] of [
    ['is shorter than what was sent', 0],
    ['has grown beyond what was sent with other records', 9],
  ] as const) {
    it(`is forwarded from its beginning when it was put back to an earlier state and ${what}`, async () => {
      await using bench = new Bench()
      await using receiver = await ReceiverProcess.start(files, bench.messages)
      bench.port = receiver.port
      await bench.open()
      await bench.append(3)
      await bench.close()
      const copy = join(bench.folder.path, 'copy')
      copyFileSync(bench.folder.log, copy)
      await bench.open()
      await bench.append(4)
      bench.forward()
      await bench.untilDelivered()
      await bench.stopForwarding()
      await bench.close()
      copyFileSync(copy, bench.folder.log)
      await bench.open()
      await bench.append(later)
      bench.forward()
      await receiver.got(7 + 3 + later)
      assert.deepEqual(bench.seqs, [...Array(7).keys(), ...Array(3 + later).keys()])
    })
  }

  it('is forwarded from its beginning when it is another log, or the cursor cannot be read', async () => {
    await using bench = new Bench()
    await using receiver = await ReceiverProcess.start(files, bench.messages)
    bench.port = receiver.port
    await bench.open()
    await bench.append(4)
    bench.forward()
    await bench.untilDelivered()
    await bench.stopForwarding()
    await bench.close()
    for (const end of ['', '-wal', '-shm']) rmSync(`${bench.folder.log}${end}`, { force: true })
    await bench.open()
    await bench.append(2)
    bench.forward()
    await receiver.got(6)
    assert.deepEqual(bench.seqs, [0, 1, 2, 3, 0, 1])
    await bench.stopForwarding()
    writeFileSync(bench.cursor, '{"log":')
    bench.forward()
    await receiver.got(8)
    assert.deepEqual(bench.seqs.slice(6), [0, 1])
  })
})

describe('signed checkpoints', () => {
  /** Lets time pass until the cursor knows that a checkpoint of so many records has arrived. */
  const untilSealed = async (bench: Bench, size: number) => {
    while ((await cursorFile(bench.cursor).load())?.checkpoint !== size) {
      bench.clock.advance(100)
      await turn()
    }
  }
  /** So many more records, and a checkpoint of all that there are. */
  const sealAfter = async (bench: Bench, count: number) => {
    await bench.append(count)
    assert.equal((await bench.log.log.checkpoint()).kind, 'sealed')
  }

  it('follow the records that they cover, also where no record is new, and each comes once over restarts', async () => {
    await using bench = new Bench()
    await using receiver = await ReceiverProcess.start(files, bench.messages)
    bench.port = receiver.port
    await bench.open()
    await bench.append(3)
    bench.forward()
    await bench.untilDelivered()
    await receiver.got(3)
    bench.log.log.checkpointWith(SIGNER)
    await untilSealed(bench, 3)
    await sealAfter(bench, 2)
    await untilSealed(bench, 5)
    await bench.stopForwarding()
    bench.forward()
    await sealAfter(bench, 1)
    await untilSealed(bench, 6)
    await receiver.got(9)
    // A record may come before the checkpoint that was made with it; the checkpoint never before a record.
    assert.deepEqual(bench.arrived, [0, 1, 2, 'of 3', 3, 4, 'of 5', 5, 'of 6'])
  })

  it('that were made during an outage come afterwards, the newest for each delivery and the very last in any case', async () => {
    await using bench = new Bench()
    await bench.open()
    bench.log.log.checkpointWith(SIGNER)
    for (let round = 0; round < 4; round += 1) await sealAfter(bench, 150)
    await bench.append(10)
    bench.port = 9
    bench.forward()
    await bench.until(() => bench.trouble !== undefined)
    await bench.stopForwarding()
    await using receiver = await ReceiverProcess.start(files, bench.messages)
    bench.port = receiver.port
    bench.forward()
    await bench.untilDelivered()
    await receiver.got(612)
    const checkpoints = bench.arrived.flatMap((what, place) =>
      typeof what === 'string' ? [[place, what]] : [],
    )
    // 610 records in deliveries of 500; the log seals every 64 records by itself.
    assert.deepEqual(checkpoints, [
      [500, 'of 450'],
      [611, 'of 600'],
    ])
    assert.deepEqual(
      bench.arrived.filter(what => typeof what === 'number'),
      upTo(610),
    )
  })

  it('are not told of where the key is missing, and come again with the records when the log was put back', async () => {
    await using bench = new Bench()
    await using receiver = await ReceiverProcess.start(files, bench.messages)
    bench.port = receiver.port
    await bench.open()
    await sealAfter(bench, 2)
    await bench.close()
    const copy = join(bench.folder.path, 'copy')
    copyFileSync(bench.folder.log, copy)
    await bench.open()
    bench.forward()
    await bench.untilDelivered()
    bench.log.log.checkpointWith(SIGNER)
    await untilSealed(bench, 2)
    await sealAfter(bench, 1)
    await untilSealed(bench, 3)
    await bench.stopForwarding()
    await bench.close()
    copyFileSync(copy, bench.folder.log)
    await bench.open()
    bench.log.log.checkpointWith(SIGNER)
    await bench.log.log.checkpoint()
    bench.forward()
    await receiver.got(8)
    assert.deepEqual(bench.arrived, [0, 1, 'of 2', 2, 'of 3', 0, 1, 'of 2'])
  })
})

/** A forwarder of fifty records to a receiver that takes so many of each delivery, and of what is told. */
function partialRig() {
  const records = Array.from({ length: 50 }, (_, seq) => ({ seq, text: `record ${seq}` }))
  const rig = {
    clock: new ManualClock(),
    told: [] as (string | undefined)[],
    /** How many of a delivery arrive. */
    takes: 3,
    isFull: false,
    deliveries: 0,
    next: 0,
  }
  const forwarder = new Forwarder<number>({
    source: {
      recordsAfter: async (seq, most) => ({
        kind: 'records',
        log: 'a log',
        size: records.length,
        records: records.filter(record => record.seq > seq).slice(0, most),
        checkpoint: undefined,
      }),
    },
    cursor: {
      load: async () => undefined,
      save: async ({ next }) => {
        if (rig.isFull) throw new Error('the disk is full')
        rig.next = next
      },
    },
    format: ({ seq }) => (seq < 10 ? undefined : seq),
    pace: { most: 10, every: 1000 },
    deliver: async messages => {
      rig.deliveries += 1
      const arrived = Math.min(rig.takes, messages.length)
      return arrived === messages.length
        ? { kind: 'delivered' }
        : { kind: 'failed', detail: 'it takes no more', arrived }
    },
    clock: rig.clock,
    onTrouble: detail => rig.told.push(detail),
    onGap: () => assert.fail('nothing is damaged'),
  })
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) {
      rig.clock.advance(1000)
      await turn()
    }
  }
  return Object.assign(rig, { until, [Symbol.asyncDispose]: () => forwarder[Symbol.asyncDispose]() })
}

describe('a trouble of the forwarding', () => {
  it('is told once, and ends once, when a whole delivery has arrived: parts of deliveries do not end it', async () => {
    await using rig = partialRig()
    await rig.until(() => rig.next > 20)
    assert.deepEqual(rig.told, ['it takes no more'])
    rig.takes = 100
    await rig.until(() => rig.next === 50)
    await rig.until(() => rig.told.length > 1)
    assert.deepEqual(rig.told, ['it takes no more', undefined])
  })

  it('does not end with records of which none is sent: nothing is known of the way then', async () => {
    await using rig = partialRig()
    rig.takes = 0
    await rig.until(() => rig.deliveries > 4)
    assert.equal(rig.next, 10)
    assert.deepEqual(rig.told, ['it takes no more'])
  })

  it('is told once while parts arrive and the disk is full', async () => {
    await using rig = partialRig()
    await rig.until(() => rig.told.length > 0)
    rig.isFull = true
    const { deliveries } = rig
    await rig.until(() => rig.deliveries > deliveries + 4)
    assert.deepEqual(rig.told, ['it takes no more'])
  })

  it('that is the full disk under the cursor ends when that takes it, without a new record', async () => {
    await using rig = partialRig()
    rig.isFull = true
    rig.takes = 100
    await rig.until(() => rig.deliveries === 5)
    await rig.until(() => rig.told.length > 0)
    assert.match(rig.told.join(), /^what was sent would be sent again after a restart: the disk is full$/)
    rig.isFull = false
    await rig.until(() => rig.told.at(-1) === undefined)
    assert.deepEqual([rig.told.length, rig.next, rig.deliveries], [2, 50, 5])
  })
})

/** A cursor's disk that hangs: whoever opens a pipe to write to it is held until somebody reads from it. */
class HungDisk implements Disposable {
  readonly #pipe: string
  #isHung = true

  constructor(cursor: string) {
    this.#pipe = `${cursor}.new`
    execFileSync('mkfifo', [this.#pipe])
  }

  /** Lets go whoever it holds, with an error, and takes everything from now on. */
  async heal(held: Promise<unknown> | undefined): Promise<void> {
    this.#isHung = false
    const reader = openSync(this.#pipe, constants.O_RDONLY | constants.O_NONBLOCK)
    await held
    closeSync(reader)
    rmSync(this.#pipe)
  }

  [Symbol.dispose](): void {
    if (this.#isHung) void this.heal(undefined)
  }
}

describe('a disk that hangs under the cursor', () => {
  it('holds up nothing but the forwarding, which goes on without a gap and without a repeat when it is back', async () => {
    await using bench = new Bench()
    using disk = new HungDisk(bench.cursor)
    await using receiver = await ReceiverProcess.start(files, bench.messages)
    bench.port = receiver.port
    await bench.open()
    await bench.append(3)
    bench.forward()
    await receiver.got(3)
    await bench.append(3)
    // An hour, of which everything else has every second.
    for (let second = 0; second < 3600; second += 1) {
      bench.clock.advance(1000)
      await turn()
    }
    await disk.heal(bench.until(() => bench.trouble !== undefined))
    assert.match(String(bench.trouble), /what was sent would be sent again after a restart/)
    await bench.untilDelivered()
    assert.deepEqual(bench.seqs, upTo(6))
    // That the trouble is over.
    await bench.until(() => bench.troubles.length > 1 && bench.troubles.at(-1) === undefined)
  })

  it('does not keep an agent that stops', async () => {
    await using bench = new Bench()
    using _disk = new HungDisk(bench.cursor)
    await using receiver = await ReceiverProcess.start(files, bench.messages)
    bench.port = receiver.port
    await bench.open()
    await bench.append(3)
    bench.forward()
    await receiver.got(3)
    let stopped = false
    const stopping = bench.stopForwarding().then(() => {
      stopped = true
    })
    await bench.until(() => stopped)
    await stopping
  })
})

describe('a cursor', () => {
  it('that an earlier holdfast wrote is gone on from', async () => {
    using folder = new Folder()
    const path = join(folder.path, 'syslog.cursor')
    writeFileSync(path, '{"log":"a log","next":7,"last":"a hash"}\n')
    assert.deepEqual(await cursorFile(path).load(), { log: 'a log', next: 7, last: 'a hash' })
  })

  for (const [what, text] of [
    ['half of a position', '{"version":1,"state":{"log":"a log"}}'],
    ['a position between two records', '{"version":1,"state":{"log":"a log","next":0.5}}'],
    ['nothing', ''],
  ] as const) {
    it(`that is ${what} is none`, async () => {
      using folder = new Folder()
      const path = join(folder.path, 'syslog.cursor')
      writeFileSync(path, text)
      await assert.rejects(cursorFile(path).load(), SyntaxError)
    })
  }

  it('that a newer holdfast wrote is neither guessed at nor written over: nothing is sent, and it is said why', async () => {
    await using bench = new Bench()
    await bench.open()
    await bench.append(3)
    const text = '{"version":2,"state":{}}'
    writeFileSync(bench.cursor, text)
    bench.forward()
    await bench.until(() => bench.trouble !== undefined)
    assert.match(String(bench.trouble), /how far they were sent cannot be read: .*a newer holdfast wrote it/)
    assert.equal(readFileSync(bench.cursor, 'utf8'), text)
  })
})

/** Takes connections and never says a word. */
class Mute implements Disposable {
  readonly #sockets: Socket[] = []
  readonly #server = createServer(socket => void this.#sockets.push(socket))

  get connections(): number {
    return this.#sockets.length
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as { port: number }).port
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

describe('a delivery that is over', () => {
  it('leaves nothing behind at the signal that ends the agent, however it came out', async () => {
    await using receiver = await ReceiverProcess.start(files, [])
    using mute = new Mute()
    const mutePort = await mute.listen()
    const ca = readFileSync(authority.path, 'utf8')
    const stop = new AbortController()
    const to = { host: '127.0.0.1', ca, end: 'orderly' } as const
    const kinds: string[] = []
    for (const [port, timeout] of [
      [receiver.port, 10_000],
      [mutePort, 20],
      [receiver.port, 10_000],
    ] as const)
      kinds.push((await deliver(['hello'], { ...to, port, timeout }, stop.signal)).kind)
    assert.deepEqual(kinds, ['delivered', 'failed', 'delivered'])
    assert.deepEqual(getEventListeners(stop.signal, 'abort'), [])
  })
})

describe('a delivery to a receiver that says nothing', () => {
  it('is given up when its end does not come in time', async () => {
    using mute = new Mute()
    const port = await mute.listen()
    const ca = readFileSync(authority.path, 'utf8')
    const delivery = await deliver(['hello'], { host: '127.0.0.1', port, ca, end: 'orderly', timeout: 50 })
    assert.deepEqual(delivery, { kind: 'failed', detail: 'no end of it within 50 ms' })
  })

  it('does not keep an agent that stops', async () => {
    using mute = new Mute()
    await using bench = new Bench()
    bench.port = await mute.listen()
    await bench.open()
    await bench.append(1)
    bench.forward({ timeout: 3_600_000 })
    await bench.until(() => mute.connections > 0)
    let stopped = false
    const stopping = bench.stopForwarding().then(() => {
      stopped = true
    })
    await bench.until(() => stopped)
    await stopping
    assert.deepEqual(bench.troubles, [])
  })
})
