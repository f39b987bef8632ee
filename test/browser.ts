import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { temporaryFolder } from './temporary-folder.ts'

/** The answer to a command of the DevTools protocol. */
interface Answer {
  readonly id?: number
  readonly method?: string
  readonly sessionId?: string
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** One page in a Chromium without a window, told what to do by the DevTools protocol. */
export class Browser implements AsyncDisposable {
  readonly #socket: WebSocket
  readonly #stack: AsyncDisposableStack
  readonly #waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>()
  /** Every address that the page asked for. */
  readonly requests: string[] = []
  /** What the page did wrong, in the browser's words: scripts that threw, and what its policies forbid. */
  readonly complaints: string[] = []
  #timePassed: () => void = () => {}
  #session: string | undefined
  #commands = 0

  private constructor(socket: WebSocket, stack: AsyncDisposableStack) {
    this.#socket = socket
    this.#stack = stack
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data)) as Answer))
  }

  /** Opens a page. Resolves when it has been asked for; what it shows comes later. `more` are words for chromium. */
  static async open(url: string, more: readonly string[] = []): Promise<Browser> {
    await using stack = new AsyncDisposableStack()
    const profile = stack.use(await temporaryFolder())
    const program = spawn(
      'chromium',
      [
        '--headless',
        '--disable-gpu',
        // The sandbox is not for root, and the page is our own.
        '--no-sandbox',
        '--disable-dev-shm-usage',
        '--remote-debugging-port=0',
        `--user-data-dir=${profile.path}`,
        ...more,
        'about:blank',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    )
    stack.defer(() => end(program))
    const socket = new WebSocket(await addressOf(program))
    await once(socket, 'open')
    stack.defer(() => socket.close())
    const browser = new Browser(socket, stack.move())
    const { targetId } = await browser.#send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await browser.#send('Target.attachToTarget', { targetId, flatten: true })
    browser.#session = String(sessionId)
    for (const domain of ['Network', 'Runtime', 'Log', 'Page', 'DOM']) await browser.#send(`${domain}.enable`)
    await browser.#send('Page.navigate', { url })
    return browser
  }

  /** The value of an expression in the page. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`)
    return (result as { value: Value }).value
  }

  /** Resolves when an expression in the page has become true. */
  async until(expression: string): Promise<void> {
    while (!(await this.evaluate<boolean>(`Boolean(${expression})`)))
      await this.evaluate('new Promise(requestAnimationFrame)')
  }

  /** Presses a key as a person does. */
  async press(key: 'Tab' | 'Enter'): Promise<void> {
    const code = { Tab: 9, Enter: 13 }[key]
    const about = { key, code: key, windowsVirtualKeyCode: code, ...(key === 'Enter' ? { text: '\r' } : {}) }
    await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', ...about })
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', ...about })
  }

  /** Presses the mouse in the middle of an element, as a person does: what covers it gets the press. */
  async click(selector: string): Promise<void> {
    const at = await this.evaluate<{ x: number; y: number }>(`(() => {
      const node = document.querySelector(${JSON.stringify(selector)})
      node.scrollIntoView({ block: 'center' })
      const { x, y, width, height } = node.getBoundingClientRect()
      return { x: x + width / 2, y: y + height / 2 }
    })()`)
    for (const type of ['mousePressed', 'mouseReleased'])
      await this.#send('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1 })
  }

  /** Writes a text into a field, as a person who pastes it. */
  async fill(selector: string, text: string): Promise<void> {
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`)
    await this.#send('Input.insertText', { text })
  }

  /** Chooses a file for a field. */
  async choose(selector: string, file: string): Promise<void> {
    const { root } = await this.#send('DOM.getDocument')
    const { nodeId } = await this.#send('DOM.querySelector', {
      nodeId: (root as { nodeId: number }).nodeId,
      selector,
    })
    await this.#send('DOM.setFileInputFiles', { nodeId, files: [file] })
  }

  /** Lets time pass for the page, at once: its timers run as if it had. From then on its time goes on only this way. */
  async letPass(ms: number): Promise<void> {
    const over = Promise.withResolvers<void>()
    this.#timePassed = over.resolve
    await this.#send('Emulation.setVirtualTimePolicy', { policy: 'advance', budget: ms })
    await over.promise
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    })
  }

  /** A picture of what can be seen, as PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.#send('Page.captureScreenshot', { format: 'png' })
    return Buffer.from(String(data), 'base64')
  }

  /** Says what a person likes: the light or the dark, and things that move or not. */
  async prefer(
    scheme: 'light' | 'dark',
    motion: 'no-preference' | 'reduce' = 'no-preference',
  ): Promise<void> {
    const features = [
      { name: 'prefers-color-scheme', value: scheme },
      { name: 'prefers-reduced-motion', value: motion },
    ]
    await this.#send('Emulation.setEmulatedMedia', { features })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async #send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    this.#commands += 1
    const answer = Promise.withResolvers<Record<string, unknown>>()
    this.#waiting.set(this.#commands, answer)
    this.#socket.send(JSON.stringify({ id: this.#commands, method, params, sessionId: this.#session }))
    return await answer.promise
  }

  #take({ id, method, result, error, ...event }: Answer): void {
    if (method === 'Network.requestWillBeSent' && 'params' in event) {
      const { request } = event.params as { request: { url: string } }
      this.requests.push(request.url)
    }
    if (method === 'Log.entryAdded' && 'params' in event) {
      const { entry } = event.params as { entry: { level: string; text: string; url?: string } }
      if (entry.level === 'error') this.complaints.push(`${entry.text} ${entry.url ?? ''}`)
    }
    if (method === 'Runtime.exceptionThrown' && 'params' in event)
      this.complaints.push(JSON.stringify(event.params))
    if (method === 'Emulation.virtualTimeBudgetExpired') this.#timePassed()
    const waiting = id === undefined ? undefined : this.#waiting.get(id)
    if (id !== undefined) this.#waiting.delete(id)
    if (error) waiting?.reject(new Error(error.message))
    else waiting?.resolve(result ?? {})
  }
}

async function addressOf(program: ChildProcess): Promise<string> {
  if (!program.stderr) throw new TypeError('its standard error is a pipe')
  program.on('error', () => {})
  for await (const line of createInterface({ input: program.stderr })) {
    const [, address] = /^DevTools listening on (ws:\S+)$/.exec(line) ?? []
    if (address === undefined) continue
    program.stderr.resume()
    return address
  }
  throw new Error('chromium did not start: bin/setup --test installs it')
}

/** With all its children: a browser is a family. */
async function end(program: ChildProcess): Promise<void> {
  if (program.pid === undefined || program.exitCode !== null) return
  const ended = once(program, 'exit')
  process.kill(-program.pid, 'SIGKILL')
  await ended
}
