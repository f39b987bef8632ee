import { serveBroken } from './broken-port.ts'

serveBroken('end-the-writer', { before: () => process.exit(3) })
