import { once } from 'node:events'
import { closeSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { answer, failure, greeting, negotiate, type Request, type Take, takeRequest } from './nbd.ts'

const BLOCK = 4096

/** What a power cut left of what was not flushed. */
export interface Remains {
  readonly unflushed: number
  readonly kept: number
}

/**
 * What a disk does with what it is asked: carries it out; says that it cannot (EIO), when it has died and has power; or says nothing and
 * lets the connection stand, when it has none. Whoever is connected to a disk without power hears of no error.
 */
type Condition = 'works' | 'dead' | 'silent'

/**
 * A disk with a write cache that loses its content with the power: an NBD server over a file. What is written becomes durable, which
 * is to say goes to the file, by a flush or a forced write and by nothing else, so a program that forgets an fsync loses data
 * here as it would on a gateway. (The kernel of the host forgets nothing when qemu dies, so a file as a disk would hide it.)
 */
export class VolatileDisk implements AsyncDisposable {
  readonly path: string
  readonly #file: number
  readonly #size: number
  readonly #server: Server
  /** What is written and not flushed, by the number of its block. */
  readonly #cache = new Map<number, Buffer>()
  readonly #sockets = new Set<Socket>()
  #condition: Condition = 'works'
  #failing: { writes: number; resolve(): void } | undefined
  /** So many writes more are failed. */
  #refusing = 0

  private constructor(path: string, file: number) {
    this.path = path
    this.#file = file
    this.#size = fstatSync(file).size
    this.#server = createServer(socket => void this.#serve(socket))
  }

  /** Serves the file `image` at the unix socket `path`. */
  static async serve(image: string, path: string): Promise<VolatileDisk> {
    const disk = new VolatileDisk(path, openSync(image, 'r+'))
    disk.#server.listen(path)
    await once(disk.#server, 'listening')
    return disk
  }

  /** The power of the disk is gone. Nothing that is on its way to it arrives any more. */
  fallSilent(): void {
    this.#condition = 'silent'
  }

  /** The same, right after so many more writes: between what its computer wrote and the flush of it. Resolves then. */
  silentAfter(writes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#failing = { writes, resolve }
    return promise
  }

  /** The disk dies with the power on: each request is answered with an error from now on. */
  die(): void {
    this.#condition = 'dead'
  }

  /** The disk ails: so many of its next writes are answered with an error and not carried out; all else is. */
  ail(writes: number): void {
    this.#refusing = writes
  }

  /**
   * What the power cut leaves, once its computer is off too; the disk works again. Of each block in the cache `isKept` says whether
   * the disk had come round to it: in any order, as disks do.
   */
  forget(isKept: () => boolean): Remains {
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
    let kept = 0
    for (const [block, bytes] of this.#cache) {
      if (!isKept()) continue
      kept += 1
      writeSync(this.#file, bytes, 0, BLOCK, block * BLOCK)
    }
    const unflushed = this.#cache.size
    this.#cache.clear()
    this.#failing = undefined
    this.#refusing = 0
    this.#condition = 'works'
    return { unflushed, kept }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
    closeSync(this.#file)
    rmSync(this.path, { force: true })
  }

  /** Rejects for a mistake of ours, or a disk of this host that is full: as an error of the disk it would look like a finding. */
  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    const take = takingFrom(socket)
    try {
      socket.write(greeting())
      await negotiate(take, bytes => void socket.write(bytes), this.#size)
      for (;;) {
        const request = await takeRequest(take)
        // What comes out of the socket's buffer after the cut was never received.
        if (request.kind === 'disconnect' || socket.destroyed) return
        const said = this.#respond(request)
        if (said) socket.write(said)
      }
    } catch (error) {
      // The client has gone, which is how every one of them ends.
      if (!socket.destroyed) throw error
    } finally {
      this.#sockets.delete(socket)
      socket.destroy()
    }
  }

  #respond(request: Request): Buffer | undefined {
    switch (this.#condition) {
      case 'works': {
        if (request.kind === 'write' && this.#refusing > 0) {
          this.#refusing -= 1
          return failure(request)
        }
        const data = this.#carryOut(request)
        return this.#isSilent ? undefined : answer(request, data)
      }
      case 'dead':
        return failure(request)
      case 'silent':
        return undefined
    }
  }

  /** Whether the power has gone, which may be in the middle of a request. */
  get #isSilent(): boolean {
    return this.#condition === 'silent'
  }

  #carryOut({ kind, offset, length, data, isForced }: Request): Buffer | undefined {
    switch (kind) {
      case 'read':
        return this.#read(offset, length)
      case 'write':
        this.#write(offset, data)
        this.#mayFail()
        if (isForced && !this.#isSilent) this.#flush(blocksOf(offset, data.length))
        return undefined
      case 'flush':
        this.#flush([...this.#cache.keys()])
        return undefined
      case 'disconnect':
        return undefined
    }
  }

  #mayFail(): void {
    if (!this.#failing) return
    this.#failing.writes -= 1
    if (this.#failing.writes > 0) return
    this.fallSilent()
    this.#failing.resolve()
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length)
    readSync(this.#file, bytes, 0, length, offset)
    for (const block of blocksOf(offset, length)) {
      const cached = this.#cache.get(block)
      if (!cached) continue
      const from = Math.max(offset, block * BLOCK)
      const to = Math.min(offset + length, (block + 1) * BLOCK)
      cached.copy(bytes, from - offset, from - block * BLOCK, to - block * BLOCK)
    }
    return bytes
  }

  #write(offset: number, data: Buffer): void {
    for (const block of blocksOf(offset, data.length)) {
      const start = block * BLOCK
      const cached = this.#cache.get(block) ?? this.#read(start, BLOCK)
      data.copy(cached, Math.max(0, offset - start), Math.max(0, start - offset), start + BLOCK - offset)
      this.#cache.set(block, cached)
    }
  }

  #flush(blocks: readonly number[]): void {
    for (const block of blocks) {
      const bytes = this.#cache.get(block)
      if (bytes) writeSync(this.#file, bytes, 0, BLOCK, block * BLOCK)
      this.#cache.delete(block)
    }
  }
}

function blocksOf(offset: number, length: number): number[] {
  const first = Math.floor(offset / BLOCK)
  const count = Math.ceil((offset + length) / BLOCK) - first
  return Array.from({ length: count }, (_, index) => first + index)
}

/** Reads a socket by lengths. */
function takingFrom(socket: Socket): Take {
  const chunks: Buffer[] = []
  let have = 0
  let wake: (() => void) | undefined
  let hasEnded = false
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    have += chunk.length
    wake?.()
  })
  socket.on('close', () => {
    hasEnded = true
    wake?.()
  })
  return async length => {
    while (have < length) {
      if (hasEnded) throw new Error('the connection has ended')
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
    const all = Buffer.concat(chunks)
    chunks.length = 0
    if (all.length > length) chunks.push(all.subarray(length))
    have = all.length - length
    return all.subarray(0, length)
  }
}
