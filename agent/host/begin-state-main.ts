import { type BeginOrder, beginState } from './begin-state.ts'

// A process of its own, because whoever gives up being root does so for good. It takes one order and ends; nobody is left behind
// who holds the state, should whoever started it be gone. What it answers holds secrets: they go over the channel and nowhere else.

process.once('disconnect', () => process.exit())
process.once('message', (order: BeginOrder) => {
  const answered = beginState(order).catch((error: Error) => ({ kind: 'failed', detail: error.message }))
  void answered.then(answer => process.send?.(answer, () => process.disconnect?.()))
})
