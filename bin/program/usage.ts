import type { OutputConfiguration } from 'commander'
import { plain } from '../../model/plain.ts'
import { around } from './options.ts'

/** What commander adds to an error where it knows a word like the one that was typed. It stands at the end, on a line of its own. */
const SUGGESTION = /\n\(Did you mean [^\n]*\?\)\n$/

/** How commander speaks here: through the printer that everything else goes through, and each error on one line, whatever was typed. */
export const usage: OutputConfiguration = {
  writeOut: around.out,
  writeErr: around.err,
  outputError: (text, write) => {
    const [suggestion = '\n'] = SUGGESTION.exec(text) ?? []
    write(`${plain(text.slice(0, -suggestion.length))}${suggestion}`)
  },
}
