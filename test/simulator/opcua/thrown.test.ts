import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { effort } from '../../fuzz/effort.ts'
import { startOpcUaPlant, USER } from './opcua-plant.ts'
import { type Heard, Thrower, type Wrong } from './thrower.ts'
import { cellsAsked, compose, edited, REQUESTS, type RequestName, thrown } from './thrown-requests.ts'
import { node, OpcUaWitness, type Security } from './witness.ts'

// Requests that are not what they should be, from somebody who was let in: over an open channel, with a session that is active, and
// with a signature that is right where there is one.

const CELLS = [
  ['coil', 0],
  ['coil', 1],
  ['coil', 2],
  ['holding-register', 0],
  ['holding-register', 1],
  ['holding-register', 10],
] as const
const SHOWN = [
  'inlet-valve.command',
  'coolant-pump.command',
  'coil.2',
  'holding-register.0',
  'holding-register.1',
  'drain-valve.command',
]
const SCALES = [1, 1, 1, 1, 1, 1000]
const PUBLISH = '01003a03'
const CLOSE_CHANNEL = '0100c401'
const CLOSE_SESSION = '0100d901'
const NO_SESSION = ['80250000', '80260000', '80270000']

/** A plant, somebody who throws, and a session beside it that must not notice. */
async function site(security: Security) {
  await using stack = new AsyncDisposableStack()
  const plant = stack.use(
    await startOpcUaPlant({ security_policies: ['None', 'Basic256Sha256'], anonymous: true }),
  )
  const thrower = stack.use(new Thrower(plant, security))
  const witness = stack.use(await OpcUaWitness.open(plant, 'sign-and-encrypt'))
  const user = security === 'none' ? null : USER
  await thrower.ask({ do: 'open', user })
  const { image } = plant.plant
  const held = () =>
    CELLS.map(([table, at]) => (table === 'coil' ? image.coil(at) : image.holdingRegister(at)))
  const landed: string[] = []
  plant.plant.onWrite(({ table, address, value }) => landed.push(JSON.stringify({ table, address, value })))
  const expected = new Map(CELLS.map(([table, address], index) => [`${table} ${address}`, held()[index]]))
  const running = stack.move()
  return {
    plant,
    thrower,
    /** What landed since the last call. */
    landed: () => landed.splice(0),
    /** Gets in again, into the session that there was if it still is. */
    async again() {
      await thrower.ask({ do: 'resume', user }).catch(() => thrower.ask({ do: 'open', user }))
    },
    /** That only what was asked has landed, and that everybody else sees just that. */
    async verify(asked: readonly { table: string; address: number; value: number }[], where: string) {
      const allowed = asked.map(cell => JSON.stringify(cell))
      for (const one of landed.splice(0)) {
        assert.ok(allowed.includes(one), `${where}: ${one} landed, and asked was ${allowed}`)
        const { table, address, value } = JSON.parse(one)
        expected.set(`${table} ${address}`, value)
      }
      assert.deepEqual(held(), [...expected.values()], where)
      const seen = await witness.read(...SHOWN, 'tank.level')
      const told = seen.map(({ value, status }) => [Number(value), status])
      assert.deepEqual(
        told,
        [...held().map((value, index) => value / (SCALES[index] ?? 1)), 1.2].map(value => [
          value,
          '00000000',
        ]),
        where,
      )
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** That there was one answer, or one error and the end of the connection. */
function assertClear({ answers, end }: Heard, body: string, wrong: Wrong, where: string): void {
  const isWhole = wrong.chunk === undefined
  const to = (whom: string) => answers.filter(answer => answer.to === whom)
  assert.deepEqual(
    answers.filter(answer => answer.to !== 'thrown' && answer.to !== 'next'),
    [],
    where,
  )
  if (end === 'silent') return assert.ok(body.startsWith(PUBLISH), `${where}: nobody answered`)
  if (end === 'closed')
    return assert.ok(
      wrong.kind === 'CLO' || body.startsWith(CLOSE_CHANNEL),
      `${where}: closed without a word`,
    )
  assert.ok(to('thrown').length <= 1 && to('next').length <= 1, where)
  if (end !== 'open') return assert.match(end, /^error 80[0-9A-F]{6}$/, where)
  assert.equal(to('thrown').length, isWhole ? 1 : 0, where)
  const [next] = to('next')
  // The first chunk of two is joined with the next request, whose number the answer then has: it is what the same sender asked.
  if (wrong.chunk === 'C') return
  if (next?.type === 397)
    return assert.ok(body.startsWith(CLOSE_SESSION) && NO_SESSION.includes(next.status), where)
  assert.deepEqual(
    next?.values?.map(({ value, status }) => [value, status]),
    [[1.2, '00000000']],
    where,
  )
}

describe('somebody who was let in and sends what is not a request', () => {
  for (const [security, share] of [
    ['none', 0.06],
    ['sign', 0.02],
    ['sign-and-encrypt', 0.02],
  ] as const) {
    it(`${security}: gets one clear answer to each, moves nothing but what it asked for, and nobody else notices`, async () => {
      const stray: unknown[] = []
      const onStray = (error: unknown) => void stray.push(error)
      process.on('unhandledRejection', onStray).on('uncaughtException', onStray)
      await using rig = await site(security)
      const ends = new Set<string>()
      await fc.assert(
        fc.asyncProperty(thrown, async ({ name, edits, wrong }) => {
          const where = `${security}: ${JSON.stringify({ name, edits, wrong })}`
          const body = edited(await compose(rig.thrower, name), edits).toString('hex')
          const heard = await rig.thrower.throw(body, wrong)
          assertClear(heard, body, wrong, `${where}: ${JSON.stringify(heard)}`)
          const isClosed = heard.end !== 'open' || heard.answers.some(({ type }) => type === 397)
          if (isClosed) await rig.again()
          await rig.verify(cellsAsked(await rig.thrower.asks(body)), where)
          ends.add(heard.end)
          for (const { to, status } of heard.answers) if (to === 'thrown') ends.add(status)
        }),
        effort(share),
      )
      process.off('unhandledRejection', onStray).off('uncaughtException', onStray)
      assert.deepEqual(stray, [])
      // What a decoder, a channel, a session and a service object to: all of them were reached.
      for (const reached of [
        'open',
        '00000000',
        'error 80070000',
        'error 80820000',
        'error 807E0000',
        '80250000',
      ])
        assert.ok(ends.has(reached), `${reached} among ${[...ends]}`)
    })
  }

  for (const security of ['sign', 'sign-and-encrypt'] as const) {
    it(`${security}: a chunk with one bit changed on its way is never carried out, nor answered`, async () => {
      await using rig = await site(security)
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...(Object.keys(REQUESTS) as RequestName[])),
          fc.nat(10_000),
          fc.nat(7),
          async (name, at, bit) => {
            const body = await compose(rig.thrower, name)
            const { answers, end } = await rig.thrower.throw(body.toString('hex'), {}, [[at, 1 << bit]])
            const where = `${name}, bit ${bit} of byte ${at}: ${end}`
            assert.deepEqual(answers, [], where)
            assert.match(end, /^error 80[0-9A-F]{6}$/, where)
            await rig.again()
            await rig.verify([], where)
          },
        ),
        effort(0.015),
      )
    })
  }
})

/** A value in a request, as bytes of a DataValue (OPC 10000-6 §5.2.2.17). */
function double(value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes.toString('hex')
}

const MISMATCH = '80740000'
const OUT_OF_RANGE = '803C0000'
const NOT_SUPPORTED = '80730000'
const INVALID_ARGUMENT = '80AB0000'

describe('a request in the right form for what cannot be done', () => {
  it('is refused for what it is, whatever stands in place of a value, and nothing lands', async () => {
    await using rig = await site('none')
    const whole = (await compose(rig.thrower, 'write a number')).toString('hex')
    const contact = (await compose(rig.thrower, 'write a contact')).toString('hex')
    // Without the value at the end: its mask, its type and its bytes.
    const number = whole.slice(0, -20)
    const refused: readonly (readonly [string, string, string])[] = [
      ['no value', `${number}00`, MISMATCH],
      ['a value of no type', `${number}0100`, MISMATCH],
      ['a status alone', `${number}0200000080`, MISMATCH],
      ['a list of one', `${number}018b01000000${double(0.25)}`, MISMATCH],
      ['an empty list', `${number}018b00000000`, MISMATCH],
      ['no list', `${number}018bffffffff`, MISMATCH],
      ['a matrix', `${number}01cb01000000${double(0.25)}0100000001000000`, MISMATCH],
      ['a whole number', `${number}010601000000`, MISMATCH],
      ['a contact', `${number}010101`, MISMATCH],
      ['a text', `${number}010c0100000031`, MISMATCH],
      ['a value in a value', `${number}01180b${double(0.25)}`, MISMATCH],
      ['not a number', `${number}010b${double(Number.NaN)}`, OUT_OF_RANGE],
      ['infinity', `${number}010b${double(Number.POSITIVE_INFINITY)}`, OUT_OF_RANGE],
      ['less than it can be', `${number}010b${double(-0.001)}`, OUT_OF_RANGE],
      ['a value that is bad', `${number}030b${double(0.25)}00000080`, NOT_SUPPORTED],
      ['a value that is uncertain', `${number}030b${double(0.25)}00009040`, NOT_SUPPORTED],
      ['a part of a value', whole.replace('0d000000ffffffff', '0d0000000100000030'), '80370000'],
      ['its name', whole.replace('0d000000ffffffff', '01000000ffffffff'), '803B0000'],
      ['what it has not', whole.replace('0d000000ffffffff', '63000000ffffffff'), '80350000'],
      ['a list for a contact', `${contact.slice(0, -6)}01810100000001`, MISMATCH],
    ]
    for (const [what, body, status] of refused) {
      const { answers, end } = await rig.thrower.throw(body)
      assert.equal(end, 'open', what)
      assert.deepEqual(answers.find(({ to }) => to === 'thrown')?.results, [status], what)
      await rig.verify([], what)
    }
    await rig.thrower.throw(`${number}010b${double(0.75)}`)
    assert.deepEqual(rig.landed(), [JSON.stringify({ table: 'holding-register', address: 10, value: 750 })])
  })

  it('is refused as a call with arguments that are too few, too many or of another kind, and nothing lands', async () => {
    await using rig = await site('none')
    const call = (await compose(rig.thrower, 'call')).toString('hex').slice(0, -26)
    const valve = await rig.thrower.compose(
      'call',
      node('inlet-valve'),
      node('inlet-valve.move'),
      'Double',
      0.3,
    )
    const refused: readonly (readonly [string, string, string])[] = [
      ['none', `${call}00000000`, '80760000'],
      ['two', `${call}020000000b${double(0.1)}0b${double(0.2)}`, '80E50000'],
      ['no value', `${call}0100000000`, INVALID_ARGUMENT],
      ['a list', `${call}010000008b01000000${double(0.3)}`, INVALID_ARGUMENT],
      ['an empty list', `${call}010000008b00000000`, INVALID_ARGUMENT],
      ['a contact', `${call}010000000101`, INVALID_ARGUMENT],
      ['not a number', `${call}010000000b${double(Number.NaN)}`, OUT_OF_RANGE],
      ['half a contact', valve, OUT_OF_RANGE],
    ]
    for (const [what, body, status] of refused) {
      const { answers, end } = await rig.thrower.throw(body)
      assert.equal(end, 'open', what)
      assert.deepEqual(answers.find(({ to }) => to === 'thrown')?.results, [status], what)
      await rig.verify([], what)
    }
  })
})

describe('a request that nobody could answer', () => {
  it('ends the connection with one error that says why, and nobody waits for an answer', async () => {
    await using rig = await site('sign-and-encrypt')
    const read = (await compose(rig.thrower, 'read')).toString('hex')
    for (const [what, body, wrong, end] of [
      ['cut off', read.slice(0, 60), {}, 'error 80070000'],
      ['of the type of an answer', `01007a02${read.slice(8)}`, {}, 'error 80070000'],
      ['without a number', read, { request: 0 }, 'error 80070000'],
      ['of no type that there is', read, { kind: 'XYZ' }, 'error 807E0000'],
      ['in a chunk of no kind that there is', read, { chunk: 'X' }, 'error 807E0000'],
      ['longer than was agreed', read, { size: 0xffff_ffff }, 'error 80800000'],
      ['out of turn', read, { skip: 1 }, 'error 80820000'],
      ['under another token', read, { token: 99 }, 'error 80870000'],
    ] as const) {
      const heard = await rig.thrower.throw(body, wrong)
      assert.deepEqual(heard, { answers: [], end }, what)
      await rig.again()
    }
  })
})
