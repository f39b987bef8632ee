import { serveBroken } from './broken-port.ts'

serveBroken('end-the-writer', { after: () => process.exit(3) })
