import { serveBroken } from './broken-port.ts'

serveBroken('end-the-writer', {
  before: () => {
    throw new Error('a bug')
  },
})
