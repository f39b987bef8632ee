import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { readsOf } from '../../../drivers/modbus/serial.ts'

/** A port whose file is at its end from the beginning, as that of a line that was hung up is. */
function hungUp(): Disposable & { fd: number | null; isOpen: boolean; poller: EventEmitter } {
  const fd = openSync('/dev/null', 'r')
  return { fd, isOpen: true, poller: new EventEmitter(), [Symbol.dispose]: () => closeSync(fd) }
}

test('a serial line that was hung up ends the reading, with what to look at, in place of reading nothing for ever', async () => {
  using port = hungUp()
  await assert.rejects(readsOf(port)(Buffer.alloc(8), 0, 8), {
    message: 'the serial line was hung up: is its adapter still there?',
    disconnect: true,
  })
})

test('reading from a port that was closed is given up, and is no trouble of the line', async () => {
  using port = hungUp()
  port.isOpen = false
  await assert.rejects(readsOf(port)(Buffer.alloc(8), 0, 8), { canceled: true })
})
