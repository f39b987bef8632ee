import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { makeReady, readsOf, serialWay } from '../../../drivers/modbus/serial.ts'

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

/** A port that opens, and is flushed, when the test says so. */
function heldPort() {
  const done: string[] = []
  const opened = Promise.withResolvers<Error | undefined>()
  const flushed = Promise.withResolvers<void>()
  const port = {
    open: (tell: (error?: Error) => void) => void opened.promise.then(tell),
    flush: (tell: () => void) => {
      done.push('flush')
      void flushed.promise.then(tell)
    },
    destroy: () => done.push('close'),
  }
  const stop = new AbortController()
  const ready = makeReady(port, () => done.push('prepare'), stop.signal)
  return { done, opened, flushed, stop, ready }
}

/** Everything that could go on has gone on. */
const settled = () => new Promise(resolve => setImmediate(resolve))

test('a port is prepared when it is open, flushed, and left open', async () => {
  const port = heldPort()
  port.opened.resolve(undefined)
  port.flushed.resolve()
  await port.ready
  port.stop.abort()
  await settled()
  assert.deepEqual(port.done, ['prepare', 'flush'])
})

test('a port whose opening hangs keeps nobody from stopping, and is closed when it opens at last', async () => {
  const port = heldPort()
  port.stop.abort(new Error('the agent is stopping'))
  await assert.rejects(port.ready, /the agent is stopping/)
  assert.deepEqual(port.done, [])
  port.opened.resolve(undefined)
  await settled()
  assert.deepEqual(port.done, ['close'])
})

test('a port whose flushing hangs keeps nobody from stopping, and is closed', async () => {
  const port = heldPort()
  port.opened.resolve(undefined)
  await settled()
  port.stop.abort(new Error('no connection in time'))
  await assert.rejects(port.ready, /no connection in time/)
  await settled()
  assert.deepEqual(port.done, ['prepare', 'flush', 'close'])
})

test('a port that cannot be opened says why, whether anybody still waits or not', async () => {
  const refused = heldPort()
  refused.opened.resolve(new Error('Cannot lock port'))
  await assert.rejects(refused.ready, /Cannot lock port/)
  const late = heldPort()
  late.stop.abort(new Error('the agent is stopping'))
  await assert.rejects(late.ready, /stopping/)
  late.opened.resolve(new Error('Cannot lock port'))
  await settled()
  assert.deepEqual([...refused.done, ...late.done], [])
})

test('the way over a serial line gives up when it is told to, whatever its port does', async () => {
  const way = serialWay({ path: '/dev/null', baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1 })
  await assert.rejects(
    way.open(AbortSignal.abort(new Error('the agent is stopping'))),
    /the agent is stopping/,
  )
})
