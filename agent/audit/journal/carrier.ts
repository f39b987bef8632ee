import { createInterface } from 'node:readline'
import { execa } from 'execa'
import type { Clock, Millis } from '../../../model/time.ts'
import type { Delivery } from '../forward/deliver.ts'

/** Longest that a batch may take. */
const PATIENCE: Millis = 20_000
/** EMSGSIZE of Linux: longer than a datagram may be. */
const TOO_LONG = 90
/** What other errors of send(2) mean here. */
const MEANINGS: Readonly<Record<number, string>> = {
  2: 'there is no such socket',
  11: 'it takes no more entries',
  13: 'this user may not write there',
  111: 'nobody listens there',
}

/**
 * Node has no datagram sockets of the AF_UNIX kind, so a small program in Perl, which is on every Debian, sends the entries: it reads
 * each with its length before it (32 bits, big-endian), sends it as one datagram, and answers with a line: the error's number, or 0.
 * An error other than "too long" ends it, so that nothing is sent after something that was not. It ends with this process.
 */
const PROGRAM = `
use strict;
use Socket;
socket(my $journal, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\\n";
setsockopt($journal, SOL_SOCKET, SO_SNDBUF, pack('i', 8 << 20));
setsockopt($journal, SOL_SOCKET, SO_SNDTIMEO, pack('l!l!', 5, 0));
my $to = sockaddr_un($ARGV[0]);
binmode STDIN;
$| = 1;
while (read(STDIN, my $head, 4) == 4) {
  my $length = unpack 'N', $head;
  last unless read(STDIN, my $entry, $length) == $length;
  my $error = defined send($journal, $entry, 0, $to) ? 0 : $! + 0;
  print "$error\\n";
  last if $error && $error != ${TOO_LONG};
}
`

type Sender = ReturnType<typeof startSender>

/** Takes entries to the journal's socket. One batch at a time, and one sender for as long as it can send. */
export class JournalCarrier implements AsyncDisposable {
  readonly #socket: string
  readonly #clock: Clock
  readonly #onDropped: (count: number) => void
  #sender: Sender | undefined

  /** `onDropped` is told how many entries were too long for the socket. */
  constructor(socket: string, clock: Clock, onDropped: (count: number) => void) {
    this.#socket = socket
    this.#clock = clock
    this.#onDropped = onDropped
  }

  /** Sends entries in their order; says how many arrived where not all did. `stop` ends it early. Never rejects. */
  async send(entries: readonly Buffer[], stop: AbortSignal): Promise<Delivery> {
    if (entries.length === 0) return { kind: 'delivered' }
    const sender = this.#sender ?? startSender(this.#socket)
    this.#sender = sender
    let arrived = 0
    let dropped = 0
    const done = new AbortController()
    const late = Promise.withResolvers<Delivery>()
    void this.#clock.sleep(PATIENCE, AbortSignal.any([stop, done.signal])).then(() => {
      if (!done.signal.aborted)
        late.resolve(this.#failed(sender, 'it did not take the entries in time', arrived))
    })
    sender.write(entries)
    const answers = async (): Promise<Delivery> => {
      while (arrived < entries.length) {
        const error = await sender.answer()
        if (error === undefined) return this.#failed(sender, await sender.lastWords(), arrived)
        if (error !== 0 && error !== TOO_LONG)
          return this.#failed(sender, MEANINGS[error] ?? `error ${error} of send(2)`, arrived)
        if (error === TOO_LONG) dropped += 1
        arrived += 1
      }
      return { kind: 'delivered' }
    }
    try {
      return await Promise.race([answers(), late.promise])
    } finally {
      done.abort()
      if (dropped > 0) this.#onDropped(dropped)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sender?.end()
  }

  /** What is left of the batch is not sent: the sender has ended, or is ended now. */
  #failed(sender: Sender, detail: string, arrived: number): Delivery {
    void sender.end()
    if (this.#sender === sender) this.#sender = undefined
    return { kind: 'failed', detail: `${this.#socket}: ${detail}`, arrived }
  }
}

const PATH = '/usr/local/bin:/usr/bin:/bin'

function startSender(socket: string) {
  const child = execa('perl', ['-e', PROGRAM, socket], {
    extendEnv: false,
    env: { PATH, LANG: 'C' },
    reject: false,
    buffer: { stdout: false },
    forceKillAfterDelay: false,
    killSignal: 'SIGKILL',
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  // It may end before it has read everything; that is said where its answers are read.
  child.stdin.on('error', () => {})
  return {
    write(entries: readonly Buffer[]): void {
      const frames = entries.flatMap(entry => {
        const head = Buffer.alloc(4)
        head.writeUInt32BE(entry.length)
        return [head, entry]
      })
      if (child.stdin.writable) child.stdin.write(Buffer.concat(frames))
    },
    /** The next answer; undefined when there will be none. */
    async answer(): Promise<number | undefined> {
      const { done, value } = await lines.next().catch(() => ({ done: true, value: undefined }))
      return done ? undefined : Number(value)
    },
    async lastWords(): Promise<string> {
      const { code, stderr } = await child
      return code === 'ENOENT'
        ? 'perl is not installed (package perl-base)'
        : stderr.trim() || 'its sender ended'
    },
    async end(): Promise<void> {
      child.kill()
      await child
    },
  }
}
