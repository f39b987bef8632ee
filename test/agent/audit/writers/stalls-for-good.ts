import { serveBroken } from './broken-port.ts'

serveBroken('stall-the-writer', { after: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) })
