import { browserClock } from './browser-clock.ts'
import { Panel } from './panel.ts'

// The one place that knows the browser's own time, chance and address.

const panel = new Panel({
  clock: browserClock,
  entropy: bytes => crypto.getRandomValues(new Uint8Array(bytes)),
  authority: location.host,
  isSecure: isSecureContext,
})
document.addEventListener('visibilitychange', () => panel.hurry())
void panel.run()
