// The fixed newstyle handshake and simple replies of the network block device protocol, as qemu speaks it:
// https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md

const NBD_MAGIC = 0x4e42444d41474943n
const OPTION_MAGIC = 0x49484156454f5054n
const OPTION_REPLY_MAGIC = 0x0003e889045565a9n
const REQUEST_MAGIC = 0x25609513
const REPLY_MAGIC = 0x67446698
const FIXED_NEWSTYLE = 1
const OPTION_GO = 7
const REPLY_ACK = 1
const REPLY_INFO = 3
const REPLY_UNSUPPORTED = 0x80000001
const INFO_EXPORT = 0
/** NBD_FLAG_HAS_FLAGS, NBD_FLAG_SEND_FLUSH, NBD_FLAG_SEND_FUA: a disk with a write cache that can be told to empty it. */
const EXPORT_FLAGS = 1 | 4 | 8
const COMMAND_FUA = 1
/** NBD_EIO: "input/output error". */
const EIO = 5

const COMMANDS = { 0: 'read', 1: 'write', 2: 'disconnect', 3: 'flush' } as const

export interface Request {
  readonly kind: (typeof COMMANDS)[keyof typeof COMMANDS]
  /** A write that must be durable before it is answered (force unit access). */
  readonly isForced: boolean
  /** What the answer repeats, so that the client knows which request it is for. */
  readonly cookie: bigint
  readonly offset: number
  readonly length: number
  /** What is to be written; empty for the others. */
  readonly data: Buffer
}

/** Gives `length` bytes as they come. Throws when the connection ends before. */
export type Take = (length: number) => Promise<Buffer>

/** What the server says first. */
export function greeting(): Buffer {
  const text = Buffer.alloc(18)
  text.writeBigUInt64BE(NBD_MAGIC, 0)
  text.writeBigUInt64BE(OPTION_MAGIC, 8)
  text.writeUInt16BE(FIXED_NEWSTYLE, 16)
  return text
}

/** Haggles until the client goes on to the one export that there is. */
export async function negotiate(take: Take, say: (bytes: Buffer) => void, size: number): Promise<void> {
  await take(4)
  for (;;) {
    const head = await take(16)
    if (head.readBigUInt64BE(0) !== OPTION_MAGIC) throw new Error('NBD: this is no option')
    const option = head.readUInt32BE(8)
    await take(head.readUInt32BE(12))
    if (option === OPTION_GO) {
      const info = Buffer.alloc(12)
      info.writeUInt16BE(INFO_EXPORT, 0)
      info.writeBigUInt64BE(BigInt(size), 2)
      info.writeUInt16BE(EXPORT_FLAGS, 10)
      say(optionReply(option, REPLY_INFO, info))
      say(optionReply(option, REPLY_ACK))
      return
    }
    say(optionReply(option, REPLY_UNSUPPORTED))
  }
}

function optionReply(option: number, kind: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(20)
  head.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0)
  head.writeUInt32BE(option, 8)
  head.writeUInt32BE(kind, 12)
  head.writeUInt32BE(data.length, 16)
  return Buffer.concat([head, data])
}

export async function takeRequest(take: Take): Promise<Request> {
  const head = await take(28)
  if (head.readUInt32BE(0) !== REQUEST_MAGIC) throw new Error('NBD: this is no request')
  const command = head.readUInt16BE(6)
  const kind = (COMMANDS as Record<number, Request['kind'] | undefined>)[command]
  if (!kind) throw new Error(`NBD: command ${command} was not offered`)
  const length = head.readUInt32BE(24)
  return {
    kind,
    isForced: (head.readUInt16BE(4) & COMMAND_FUA) !== 0,
    cookie: head.readBigUInt64BE(8),
    offset: Number(head.readBigUInt64BE(16)),
    length,
    data: kind === 'write' ? await take(length) : Buffer.alloc(0),
  }
}

/** The answer to a request that went well. */
export function answer(request: Request, data: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([reply(request, 0), data])
}

/** The answer to one that the disk could not carry out. The connection stands. */
export function failure(request: Request): Buffer {
  return reply(request, EIO)
}

function reply({ cookie }: Request, error: number): Buffer {
  const head = Buffer.alloc(16)
  head.writeUInt32BE(REPLY_MAGIC, 0)
  head.writeUInt32BE(error, 4)
  head.writeBigUInt64BE(cookie, 8)
  return head
}
