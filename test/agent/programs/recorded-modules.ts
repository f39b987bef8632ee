import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

// Loaded into a program before anything else (`node --import`): notes every module that it or a thread of it asks for, at whatever depth
// and by `import` or `require`, in the file that HOLDFAST_MODULES names, one a line.
const file = process.env.HOLDFAST_MODULES
if (file === undefined) throw new Error('HOLDFAST_MODULES: expected the file to note modules in')
registerHooks({
  resolve(specifier, context, next) {
    // What cannot be resolved was asked for as well.
    appendFileSync(file, `${specifier}\n`)
    const resolved = next(specifier, context)
    appendFileSync(file, `${resolved.url}\n`)
    return resolved
  },
})
