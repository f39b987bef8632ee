import type { UnixMs } from '../../../model/time.ts'

// Loaded into an agent before anything else (`node --import`). On SIGUSR2 its wall clock jumps ten years ahead, as if
// somebody had set the machine's; everybody else on the machine keeps theirs. The monotonic clock goes on, as it does.
const TEN_YEARS = 10 * 365 * 86_400_000
const real = Date.now
let step = 0
Date.now = (): UnixMs => real() + step
process.on('SIGUSR2', () => {
  step = TEN_YEARS
})
