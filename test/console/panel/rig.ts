import { Gateway, type GatewayOptions, type RunningAgent } from '../../agent/gateway.ts'
import { Browser } from '../../browser.ts'

/** A gateway whose listener serves the panel, and a browser that looks at it. */
export interface PanelRig extends AsyncDisposable {
  readonly gateway: Gateway
  readonly agent: RunningAgent
  readonly page: Browser
  /** Gives the page a credential file, and presses the button. */
  signIn(file: string): Promise<void>
}

export async function openPanel(options: GatewayOptions = {}): Promise<PanelRig> {
  await using stack = new AsyncDisposableStack()
  const settings = [[['listeners', 0, 'panel'], true] as const, ...(options.settings ?? [])]
  const gateway = stack.use(await Gateway.start({ ...options, settings }))
  const agent = await gateway.startAgent()
  const page = stack.use(await Browser.open(`${agent.address}/panel/`))
  await page.until(shown('#sign-in'))
  const running = stack.move()
  return {
    gateway,
    agent,
    page,
    signIn: file => signIn(page, file),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export async function signIn(page: Browser, file: string): Promise<void> {
  await page.choose('#credential-file', file)
  await page.click('#sign-in-submit')
}

/** Whether an element can be seen. */
export const shown = (selector: string) => `document.querySelector('${selector}')?.checkVisibility()`
/** The text of an element, as it can be seen. */
export const text = (selector: string) => `document.querySelector('${selector}')?.innerText ?? ''`
/** Whether an element's text has a part. */
export const says = (selector: string, part: string) =>
  `(${text(selector)}).includes(${JSON.stringify(part)})`
export const card = (id: string) => `#actuators > [data-id="${id}"]`
