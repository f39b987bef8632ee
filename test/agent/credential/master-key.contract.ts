import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import {
  type MasterKey,
  MESSAGE_LENGTH_MAX,
  type Unavailability,
} from '../../../agent/credential/master-key.ts'

/** A source of a master key, set up for a test, and the key that it holds. */
export interface MasterKeySource extends AsyncDisposable {
  readonly master: MasterKey
  readonly secret: Uint8Array
  /** Makes the source unreachable, and reachable again. */
  takeAway(): Promise<void>
  bringBack(): Promise<void>
  /** What it says while it is away. */
  readonly away: Unavailability
  /** Puts another key in the place of `secret`, where that takes no time. */
  rekey?(secret: Uint8Array): Promise<void>
}

/** What holds for every master key, wherever it is kept. */
export function masterKeyContract(name: string, provide: () => Promise<MasterKeySource>): void {
  describe(`master key: ${name}`, () => {
    let source: MasterKeySource
    before(async () => {
      source = await provide()
    })
    after(() => source[Symbol.asyncDispose]())

    it('answers with HMAC-SHA256 (RFC 2104) of any message', async () => {
      const messages = fc.uint8Array({ minLength: 1, maxLength: 300 })
      await fc.assert(
        fc.asyncProperty(messages, async message =>
          assert.deepEqual(await macOf(source, message), expected(source, message)),
        ),
        { numRuns: 10 },
      )
    })

    it('takes the shortest and the longest message, and throws on a longer one', async () => {
      for (const length of [0, 1, MESSAGE_LENGTH_MAX]) {
        const message = new Uint8Array(length).fill(0x0a)
        assert.deepEqual(await macOf(source, message), expected(source, message))
      }
      await assert.rejects(source.master.hmac(new Uint8Array(MESSAGE_LENGTH_MAX + 1), soon()), RangeError)
    })

    it('answers twenty calls at once, each with its own message', async () => {
      const messages = Array.from({ length: 20 }, (_, index) => Buffer.from(`message ${index}`))
      const macs = await Promise.all(messages.map(message => macOf(source, message)))
      assert.deepEqual(
        macs,
        messages.map(message => expected(source, message)),
      )
    })

    it('gives away a mac that can be wiped without harming the next answer', async () => {
      const message = Buffer.from('again')
      const first = await source.master.hmac(message, soon())
      assert.equal(first.kind, 'mac')
      if (first.kind === 'mac') first.mac.fill(0)
      assert.deepEqual(await macOf(source, message), expected(source, message))
    })

    it('answers `timeout` when the deadline is over already', async () => {
      const answer = await source.master.hmac(Buffer.from('late'), AbortSignal.abort())
      assert.equal(answer.kind === 'unavailable' && answer.reason, 'timeout')
    })

    it('answers the others when one call is given up', async () => {
      const message = Buffer.from('patient')
      const hasty = new AbortController()
      const given = source.master.hmac(Buffer.from('hasty'), hasty.signal)
      const patient = macOf(source, message)
      hasty.abort()
      const answer = await given
      assert.ok(answer.kind === 'mac' || answer.reason === 'timeout')
      assert.equal(await patient, expected(source, message))
    })

    it('says nothing of the key: not in its description, when it is printed, or while it is away', async () => {
      await source.takeAway()
      const answer = await source.master.hmac(Buffer.from('away'), soon())
      await source.bringBack()
      const said = [
        source.master.description,
        inspect(source.master, { depth: 9, showHidden: true }),
        inspect(answer),
      ]
      assertSilent(said.join(' '), source.secret)
    })

    it('says what is wrong and what to do while the source is away, and heals by itself', async () => {
      await source.takeAway()
      const answer = await source.master.hmac(Buffer.from('away'), soon())
      await source.bringBack()
      assert.equal(answer.kind, 'unavailable')
      if (answer.kind !== 'unavailable') return
      assert.equal(answer.reason, source.away)
      assert.match(answer.detail, /\w+ \w+/)
      assert.match(answer.remedy, /^[A-Z].*\.$/)
      const message = Buffer.from('back')
      assert.deepEqual(await macOf(source, message), expected(source, message))
    })

    it('has a generation and a description', () => {
      assert.equal(source.master.generation, 1)
      assert.match(source.master.description, /^[a-z]+ \(.+\)$/)
    })
  })
}

/** The same for sources whose key can be exchanged in a moment; a TPM takes too long, and its own tests do it on the tools' output. */
export function rekeyContract(name: string, provide: () => Promise<Required<MasterKeySource>>): void {
  it(`master key: ${name}: keeps a key whole, and a mac, whatever byte they end in`, async () => {
    await using source = await provide()
    const key = new Uint8Array(source.secret)
    for (let last = 0; last < 256; last++) {
      key[31] = last
      await source.rekey(key)
      const message = messageWhoseMacEndsIn(key, last)
      assert.equal(await macOf(source, message), macWith(key, message))
    }
    await source.rekey(source.secret)
    const message = Buffer.from('the first key again')
    assert.equal(await macOf(source, message), expected(source, message))
  })
}

async function macOf(source: MasterKeySource, message: Uint8Array): Promise<string> {
  const answer = await source.master.hmac(message, soon())
  return answer.kind === 'mac'
    ? Buffer.from(answer.mac).toString('hex')
    : `${answer.reason}: ${answer.detail}`
}

function expected(source: MasterKeySource, message: Uint8Array): string {
  return macWith(source.secret, message)
}

function macWith(key: Uint8Array, message: Uint8Array): string {
  return createHmac('sha256', key).update(message).digest('hex')
}

function messageWhoseMacEndsIn(key: Uint8Array, last: number): Uint8Array {
  const end = Buffer.of(last).toString('hex')
  for (let attempt = 0; ; attempt++) {
    const message = Buffer.from(`attempt ${attempt}`)
    if (macWith(key, message).endsWith(end)) return message
  }
}

/** Fails when a text has a secret in it, in any form that software prints bytes in. */
export function assertSilent(text: string, secret: Uint8Array): void {
  const bytes = Buffer.from(secret)
  const listed = [...bytes.subarray(0, 8)].join(', ')
  const spaced = (bytes.toString('hex').match(/../g) ?? []).slice(0, 8).join(' ')
  const encodings = (['hex', 'base64', 'base64url', 'latin1', 'utf8'] as const).map(form =>
    bytes.toString(form),
  )
  for (const form of [...encodings.map(encoded => encoded.slice(0, 16)), listed, spaced])
    assert.ok(!text.toLowerCase().includes(form.toLowerCase()), 'the text has the secret in it')
}

function soon(): AbortSignal {
  return AbortSignal.timeout(30_000)
}
