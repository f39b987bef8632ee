import assert from 'node:assert/strict'
import { closeSync, constants, createReadStream, openSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { execa } from 'execa'
import { LogOutput } from '../../../agent/service/log-output.ts'
import { systemClock } from '../../../agent/time/system-clock.ts'
import { VirtualClock } from '../../../simulator/virtual-clock.ts'
import { temporaryFolder } from '../../temporary-folder.ts'

const LINE = `${'x'.repeat(1023)}\n`
/** More than a pipe and the output's memory take together. */
const MANY = 500

/** A pipe that nobody reads yet. */
async function unreadPipe(stack: AsyncDisposableStack) {
  const folder = stack.use(await temporaryFolder())
  const path = join(folder.path, 'log')
  await execa('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return {
    fd: openSync(path, constants.O_WRONLY),
    /** Whoever waits for a reader is told that there is none any more. */
    break: () => closeSync(reader),
    lines: () => createInterface({ input: createReadStream(path) })[Symbol.asyncIterator](),
  }
}

test('a log that nobody reads stops nothing; once it is read again it goes on, and says how many lines are missing', async () => {
  await using stack = new AsyncDisposableStack()
  const pipe = await unreadPipe(stack)
  const lost = Promise.withResolvers<number>()
  const output = new LogOutput(pipe.fd, systemClock, lost.resolve, 100 * LINE.length)
  for (let line = 0; line < MANY; line += 1) output.write(LINE)
  const lines = pipe.lines()
  let read = 0
  const missing = lost.promise.then(count => {
    output.write('the last\n')
    return count
  })
  for (;;) {
    const { value } = await lines.next()
    if (value === 'the last') break
    assert.equal(`${value}\n`, LINE)
    read += 1
  }
  assert.ok(read >= 100, 'what has room in memory is kept')
  assert.equal(read + (await missing), MANY)
  await output[Symbol.asyncDispose]()
  await lines.return?.()
  pipe.break()
})

test('what was said last is there when the program has ended', async () => {
  await using stack = new AsyncDisposableStack()
  const pipe = await unreadPipe(stack)
  const lines = pipe.lines()
  const output = new LogOutput(pipe.fd, systemClock, () => assert.fail('nothing was lost'))
  output.write('the first\n')
  output.write('the last\n')
  await output[Symbol.asyncDispose]()
  output.write('after the end\n')
  assert.equal((await lines.next()).value, 'the first')
  assert.equal((await lines.next()).value, 'the last')
  await lines.return?.()
  pipe.break()
})

test('a reader that hangs keeps no program from ending', async () => {
  await using stack = new AsyncDisposableStack()
  const pipe = await unreadPipe(stack)
  const clock = new VirtualClock()
  const output = new LogOutput(pipe.fd, clock, () => {})
  for (let line = 0; line < MANY; line += 1) output.write(LINE)
  let isOver = false
  const over = output[Symbol.asyncDispose]().then(() => {
    isOver = true
  })
  await clock.advance(999)
  assert.equal(isOver, false)
  await clock.advance(1)
  await over
  pipe.break()
})
