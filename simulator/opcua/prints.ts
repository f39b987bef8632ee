import console from 'node:console'

/** Where the packages of OPC UA lie, however they were installed. */
const LIBRARY = /[/\\]node_modules[/\\]node-opcua/

const METHODS = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const

let isQuiet = false

/**
 * Keeps off the console what the packages print there by themselves, past the loggers that can be set: a line for each status
 * code of a client's that they do not know. What anybody else prints, and tests of others do, is printed as before.
 */
export function quietPackages(): void {
  if (isQuiet) return
  isQuiet = true
  for (const method of METHODS) {
    const print = console[method]
    const quieter = (...said: unknown[]) => {
      if (!LIBRARY.test(callerOf(quieter))) print.apply(console, said)
    }
    console[method] = quieter
  }
}

/** The line of the stack that says who called a function. */
function callerOf(called: (...said: unknown[]) => void): string {
  const at: { stack?: string } = {}
  Error.captureStackTrace(at, called)
  return String(at.stack).split('\n')[1] ?? ''
}
