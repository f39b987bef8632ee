import { parentPort } from 'node:worker_threads'
import { serveWriter } from './writer.ts'

// The writer's thread begins here. It owns the file; everything else asks it.
if (parentPort) serveWriter(parentPort)
