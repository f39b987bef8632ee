import { Refusal, type RefusalCode } from '../../model/refusal.ts'

/** Whose signature was found right, and which one it was. */
export interface Who {
  /** Undefined when the credential does not name exactly one. */
  readonly subject: string | undefined
  readonly serial: string
  readonly nonce: string
  readonly created: number
}

/** A stage's no: the refusal and, once the signature was found right, who was refused. */
export class Refused {
  readonly refusal: Refusal
  readonly who: Who | undefined
  /** Of a trip that acts all the same: why it would be forgotten at a power cut, where the disk has not taken the latch. */
  readonly unkept: string | undefined

  constructor(refusal: Refusal, who?: Who, unkept?: string) {
    this.refusal = refusal
    this.who = who
    this.unkept = unkept
  }
}

/** Shorthand for the stages. */
export function refuse(code: RefusalCode, detail: string, remedy?: string, who?: Who): Refused {
  return new Refused(new Refusal(code, detail, remedy), who)
}
