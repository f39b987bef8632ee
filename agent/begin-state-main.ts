import { type BeginOrder, beginState } from './begin-state.ts'

// A process of its own, because whoever gives up being root does so for good. It takes one order and ends. What it answers
// holds secrets: they go over the channel to whoever started it, and nowhere else.

process.once('message', (order: BeginOrder) => {
  const answered = beginState(order).catch((error: Error) => ({ kind: 'failed', detail: error.message }))
  void answered.then(answer => process.send?.(answer, () => process.disconnect?.()))
})
