import { randomBytes } from 'node:crypto'
import { REPLAY_WINDOW, ReplayMemory, SKEW_MAX } from '../agent/credential/replay.ts'

// A process of its own that fills a replay memory and prints what it takes: so that nothing else is in what is measured.

const CREDENTIALS = 1000
const EACH_PER_SECOND = 10
const STEADY_SECONDS = 10
const NONCE_BYTES = 16
const START = Date.UTC(2026, 5, 1)
const WINDOW = REPLAY_WINDOW / 1000

const serials = Array.from({ length: CREDENTIALS }, () => randomBytes(12).toString('base64url'))
const memory = new ReplayMemory(START)

/** Nonces for one second of requests. */
function nonces(): string[] {
  const count = CREDENTIALS * EACH_PER_SECOND
  const random = randomBytes(count * NONCE_BYTES)
  return Array.from({ length: count }, (_, index) =>
    random.toString('base64url', index * NONCE_BYTES, (index + 1) * NONCE_BYTES),
  )
}

/** One second of requests, each dated as far ahead as is accepted: so each is kept for as long as any can be. Takes milliseconds. */
function request(second: number): number {
  const now = START + second * 1000
  const created = (now + SKEW_MAX) / 1000
  const fresh = nonces()
  const began = performance.now()
  for (const [index, nonce] of fresh.entries()) {
    const answer = memory.remember(serials[index % CREDENTIALS] ?? '', nonce, created, now)
    if (answer !== 'new') throw new Error(`a nonce that is new was ${answer}`)
  }
  return performance.now() - began
}

/** The same number of texts into a bare Set, as the least that any memory of texts does. Takes milliseconds. */
function bare(): number {
  const texts = nonces().map((nonce, index) => `${serials[index % CREDENTIALS]} ${nonce}`)
  const set = new Set<string>()
  const began = performance.now()
  for (const text of texts) {
    if (set.has(text)) throw new Error('a nonce was drawn twice')
    set.add(text)
  }
  return performance.now() - began
}

request(0)
globalThis.gc?.()
const before = process.memoryUsage.rss()
// Both ends of the window count: what is dated exactly one skew ahead or ago is fresh.
for (let second = 1; second <= WINDOW; second += 1) request(second)
globalThis.gc?.()
const rss = process.memoryUsage.rss()
const entries = memory.size
const ours: number[] = []
const limit: number[] = []
for (let second = WINDOW + 1; second <= WINDOW + STEADY_SECONDS; second += 1) {
  ours.push(request(second))
  limit.push(bare())
}
process.stdout.write(
  `${JSON.stringify({ entries, entries_later: memory.size, requests: CREDENTIALS * EACH_PER_SECOND, before, rss, ours, limit })}\n`,
)
