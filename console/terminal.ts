import { plainLines } from '../model/plain.ts'

/** Standard output and standard error, for what programs of ours say. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
}

/** The one way to a person's terminal: whatever is in a line moves no cursor there, colours nothing and turns nothing round. */
export function terminal(out: (text: string) => void, err: (text: string) => void): Terminal {
  return { out: text => out(plainLines(text)), err: text => err(plainLines(text)) }
}
