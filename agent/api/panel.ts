import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tooMany } from '../command/rates.ts'
import type { Received } from '../command/received.ts'
import { Refused, refuse } from '../command/refused.ts'
import type { HttpAnswer } from './answers.ts'

/** The page's modules. They lie under `/panel/` as they do in the sources, so that each finds those that it imports. */
const MODULES = [
  '../../console/alarm-view.ts',
  '../../console/guards.ts',
  '../../console/panel/actuator-card.ts',
  '../../console/panel/actuator-list.ts',
  '../../console/panel/agent-link.ts',
  '../../console/panel/alarm-list.ts',
  '../../console/panel/alarm-row.ts',
  '../../console/panel/browser-clock.ts',
  '../../console/panel/credential-text.ts',
  '../../console/panel/deeds.ts',
  '../../console/panel/element.ts',
  '../../console/panel/health.ts',
  '../../console/panel/main.ts',
  '../../console/panel/panel.ts',
  '../../console/panel/question.ts',
  '../../console/panel/reach.ts',
  '../../console/panel/rows.ts',
  '../../console/panel/screen.ts',
  '../../console/panel/sign-in.ts',
  '../../console/panel/signer.ts',
  '../../console/panel/time-text.ts',
  '../../console/panel/watch.ts',
  '../../console/status-view.ts',
  '../../model/alarm.ts',
  '../../model/alarms/access.ts',
  '../../model/alarms/gateway.ts',
  '../../model/alarms/plant.ts',
  '../../model/caveat.ts',
  '../../model/credential.ts',
  '../../model/outcome.ts',
  '../../model/role.ts',
  '../../model/signature.ts',
  '../../model/time.ts',
]

const PAGE = '../../console/panel/page.html'
const OTHERS: Readonly<Record<string, string>> = {
  '../../console/panel/style.css': 'text/css; charset=utf-8',
  '../../console/panel/icon.svg': 'image/svg+xml',
}

/**
 * Nothing but what this listener serves itself, in nobody's frame, sent to nobody, and no text that becomes markup or script:
 * a description in the configuration, or whatever a device or a sender wrote, stays a text.
 */
const FIELDS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/**
 * The operator panel, as files: read once, at the start, and answered from memory by their exact names. They need no credential and
 * have nothing of the plant in them; what the page shows it asks for with signed requests, like every other client.
 */
export class PanelFiles {
  readonly #answers = new Map<string, HttpAnswer>()

  constructor() {
    const page = read(PAGE)
    for (const path of ['/panel', '/panel/'])
      this.#answers.set(path, answer(page, 'text/html; charset=utf-8'))
    for (const [file, type] of Object.entries(OTHERS))
      this.#answers.set(pathOf(file), answer(read(file), type))
    for (const file of MODULES)
      this.#answers.set(pathOf(file), answer(readModule(file), 'text/javascript; charset=utf-8'))
  }

  /** The answer to a request for one of them; undefined when it is for something else. */
  answer({ path, method, source, tooEarly }: Received): HttpAnswer | Refused | undefined {
    const found = this.#answers.get(path)
    if (found === undefined) return undefined
    if (tooEarly > 0) return new Refused(tooMany(`from ${source}`, tooEarly))
    return method === 'GET' || method === 'HEAD'
      ? found
      : refuse('method-not-allowed', `${path} takes GET, HEAD`)
  }
}

function answer(body: string, mediaType: string): HttpAnswer {
  return { status: 200, body, mediaType, fields: FIELDS }
}

/** `../../console/panel/main.ts` is `/panel/console/panel/main.js`: a browser is given JavaScript, whatever it was made from. */
function pathOf(file: string): string {
  return file.replace('../../', '/panel/').replace(/\.ts$/, '.js')
}

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
}

/** The package has JavaScript; sources are made into it here, as the package does it. */
function readModule(file: string): string {
  if (!import.meta.url.endsWith('.ts')) return read(file.replace(/\.ts$/, '.js'))
  return stripTypeScriptTypes(read(file)).replace(/(from '[^']+)\.ts'/g, "$1.js'")
}
