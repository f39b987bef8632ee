import console from 'node:console'

/** Where the library's packages lie, however they were installed. */
const LIBRARY = /[/\\]node_modules[/\\]node-opcua/

const METHODS = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const

/**
 * Keeps off the console what the library prints there by itself. Most of what it says goes through loggers that can be set; some
 * does not: a line for each status code that it does not know, however often a device says it, which would fill the
 * journal. What matters of it comes back as the reason of a read or a write. What anybody else prints is printed as before.
 */
export function quietLibrary(): void {
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
