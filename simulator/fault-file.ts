import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../model/time.ts'
import { type Fault, faultKey } from './fault.ts'
import type { Faults } from './faults.ts'
import { readFaultList } from './plant-file/fault-list.ts'
import { formatFaultText } from './plant-file/fault-text.ts'
import { type FileContent, WatchedFile } from './watched-file.ts'

/** What became of a fault file, or of a fault in it. */
export type FaultFileNews =
  | { readonly kind: 'set' | 'changed' | 'cleared'; readonly fault: Fault }
  /** It was set or cleared, and a link did not follow: one that was dropped could not be brought up again. */
  | { readonly kind: 'failed'; readonly fault: Fault; readonly reason: string }
  /** It is not there: it lists nothing. */
  | { readonly kind: 'absent'; readonly missing: 'file' | 'folder' }
  /** It cannot be used: the faults stay as they were. Its reason is a line for each thing that is wrong with it. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It can be used again. */
  | { readonly kind: 'understood' }

/** A fault file that cannot be used at the start. */
export class FaultFileError extends Error {
  override readonly name = 'FaultFileError'
}

/**
 * A file with faults that is obeyed while the plant runs. With each save, what it lists is set as it lists it, and what
 * it listed before and no longer lists is cleared. A fault that it never listed is nothing of its business, whoever set it.
 */
export class FaultFile implements AsyncDisposable {
  readonly #path: string
  readonly #faults: Faults
  /** As it was last understood, by the key of each fault. */
  #listed: ReadonlyMap<string, Fault> = new Map()
  #isRefused = false
  #watched: WatchedFile | undefined
  #listener: ((news: FaultFileNews) => void) | undefined
  /** What nobody has heard yet. */
  readonly #untold: FaultFileNews[] = []

  private constructor(path: string, faults: Faults) {
    this.#path = path
    this.#faults = faults
  }

  /**
   * Obeys a file from now on; what it lists now is set when this resolves. It need not be there. Rejects with
   * FaultFileError when it cannot be used, with the system's error when its folder cannot be watched.
   */
  static async open(path: string, faults: Faults, clock: Clock): Promise<FaultFile> {
    await using stack = new AsyncDisposableStack()
    const file = stack.use(new FaultFile(path, faults))
    file.#watched = await WatchedFile.open(path, clock, content => file.#obey(content))
    const refused = file.#untold.find(news => news.kind === 'refused')
    if (refused) throw new FaultFileError(refused.reason)
    stack.move()
    return file
  }

  /** Tells what there was since the start, and then whatever comes. */
  tell(listener: (news: FaultFileNews) => void): void {
    this.#listener = listener
    for (const news of this.#untold.splice(0)) listener(news)
  }

  /** The faults stay as they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watched?.[Symbol.asyncDispose]()
  }

  async #obey(content: FileContent): Promise<void> {
    if (content.kind === 'unreadable') {
      return this.#refuse(`${this.#path}: it cannot be read (${content.reason})`)
    }
    if (content.kind === 'absent') this.#say(content)
    const text = content.kind === 'absent' ? '' : content.text
    const read = readFaultList(text, this.#path, this.#faults.targets)
    if (read.kind === 'problem') return this.#refuse(read.lines.join('\n'))
    if (this.#isRefused) this.#say({ kind: 'understood' })
    this.#isRefused = false
    const before = this.#listed
    this.#listed = new Map(read.faults.map(fault => [faultKey(fault), fault]))
    // What is new comes first: a link that is down for another reason now is not up in between.
    for (const fault of this.#listed.values()) await this.#set(fault)
    for (const [key, fault] of before) if (!this.#listed.has(key)) await this.#clear(fault)
  }

  #refuse(reason: string): void {
    this.#isRefused = true
    this.#say({ kind: 'refused', reason })
  }

  /** Does nothing about a fault that is set already as it is listed: some act at the moment they are set. */
  async #set(fault: Fault): Promise<void> {
    const before = this.#faults.active.find(one => faultKey(one) === faultKey(fault))
    if (isDeepStrictEqual(before, fault)) return
    try {
      await this.#faults.set(fault)
      this.#say({ kind: before ? 'changed' : 'set', fault })
    } catch (error) {
      this.#say({ kind: 'failed', fault, reason: (error as Error).message })
    }
  }

  async #clear(fault: Fault): Promise<void> {
    try {
      for (const cleared of await this.#faults.mend(fault)) this.#say({ kind: 'cleared', fault: cleared })
    } catch (error) {
      this.#say({ kind: 'failed', fault, reason: (error as Error).message })
    }
  }

  #say(news: FaultFileNews): void {
    if (this.#listener) this.#listener(news)
    else this.#untold.push(news)
  }
}

/** News of a fault file in words, with what to do about them where there is something to do. */
export function describeNews(news: FaultFileNews): string {
  switch (news.kind) {
    case 'set':
    case 'changed':
    case 'cleared':
      return `${formatFaultText(news.fault)}: ${news.kind}`
    case 'failed':
      return `${formatFaultText(news.fault)}: its link does not follow: ${news.reason}. Free what it needs, then list the fault and take it out again.`
    case 'absent':
      return news.missing === 'file'
        ? 'not there: it lists no fault until it is'
        : 'its folder is gone: it lists no fault, and is watched no longer. Make the folder and start the plant again'
    case 'understood':
      return 'it can be used again'
    case 'refused':
      return `${news.reason}. The faults stay as they were: correct the file and save it.`
  }
}
