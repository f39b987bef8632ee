import { join } from 'node:path'
import { type Figure, figure, type Run } from './figure.ts'
import { NODE, Program } from './program.ts'
import { Sample } from './sample.ts'

const LOAD = join(import.meta.dirname, './replay-load.ts')
const MIB = 1024 * 1024
/** A serial of 12 bytes and a nonce of 16: less than that cannot tell two requests apart. */
const LEAST = 28

interface Load {
  readonly entries: number
  readonly entries_later: number
  readonly requests: number
  readonly before: number
  readonly rss: number
  readonly ours: readonly number[]
  readonly limit: readonly number[]
}

/** What it takes to remember every nonce of 1,000 credentials that are used ten times a second, for as long as one can count. */
export async function measureReplays({ signal, progress }: Run): Promise<Figure[]> {
  progress('remembering ten minutes of 10,000 requests a second')
  await using program = new Program(NODE, ['--expose-gc', '--disable-warning=ExperimentalWarning', LOAD])
  const load = (await program.line(line => 'entries' in line)) as unknown as Load
  signal.throwIfAborted()
  if (load.entries_later !== load.entries) throw new Error('the memory grows beyond its window')
  const rate = (times: readonly number[]) => (load.requests * 1000) / new Sample(times).median
  return [
    figure({
      name: 'memory for each request of the replay window, 1,000 credentials × 10/s',
      unit: 'B',
      ours: (load.rss - load.before) / load.entries,
      limit: LEAST,
      better: 'less',
      against: 'the bytes of a serial and a nonce, and nothing to find them by',
      also: { entries: load.entries, resident_MiB: load.rss / MIB },
    }),
    figure({
      name: 'requests looked up in the full replay memory and remembered, on one core',
      unit: '1/s',
      ours: rate(load.ours),
      limit: rate(load.limit),
      better: 'more',
      against: 'a bare Set of one second of the same texts, each asked for and added',
    }),
  ]
}
