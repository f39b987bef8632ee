import { isIP } from 'node:net'
import { parseCaveat } from '../../model/caveat.ts'
import { NAME_FORM } from '../../model/credential.ts'
import { parseDuration } from '../../model/time.ts'
import { network } from '../config/forms.ts'
import { parseScheme } from '../credential/escrow/scheme.ts'
import { isBit, parseDevice, parsePoint, parsePosition } from './point.ts'

/** Every answer, as it was given: an option's text, or a line that was typed. */
export type Answers = Readonly<Partial<Record<AnswerKey, string>>>

export type AnswerKey =
  | 'environment'
  | 'gateway'
  | 'key'
  | 'tcti'
  | 'escrow'
  | 'listen'
  | 'networks'
  | 'forgeries'
  | 'device'
  | 'unit'
  | 'valve'
  | 'command'
  | 'feedback'
  | 'closed'
  | 'open'
  | 'tolerance'
  | 'travelTime'
  | 'safe'
  | 'admin'

/** What is known before anybody is asked. */
export interface Known {
  readonly hostname: string
  /** Who runs this, as a subject for the first credential. */
  readonly login: string | undefined
  readonly hasTpm: boolean
  /** Whether systemd can keep a key here: it is the host's own service manager, and this is root. */
  readonly hasCredentials: boolean
  /** A gateway of the package, which systemd runs. */
  readonly isPackaged: boolean
}

/** One thing that the first configuration has to know. */
export interface Question {
  readonly key: AnswerKey
  readonly flag: string
  /** What is asked at a terminal: what it is for, then what is expected. */
  readonly text: string
  /** Whether it is asked at all, after these answers. */
  when(given: Answers, known: Known): boolean
  /** The answer that is taken where nobody gives another; undefined where somebody has to decide. */
  fallback(given: Answers, known: Known): string | undefined
  /** What is wrong with an answer, as what was expected. */
  mistake(answer: string, given: Answers, known: Known): string | undefined
}

const always = () => true
const none = () => undefined
const has = (given: Answers, key: AnswerKey) => given[key] !== undefined && given[key] !== 'none'
const hasDevice = (given: Answers) => given.device !== undefined && given.device !== 'later'
const named = (answer: string) =>
  NAME_FORM.test(answer) ? undefined : 'expected lower-case letters, digits and hyphens, such as north-works'

/** The form that a host's name becomes a gateway's by; undefined when nothing is left of it. */
function nameOf(hostname: string): string | undefined {
  const name = hostname
    .toLowerCase()
    .replace(/\..*$/, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  return NAME_FORM.test(name) ? name : undefined
}

const positionMistake = (answer: string, point: string | undefined) => {
  const position = parsePosition(answer)
  const command = parsePoint(point ?? '')
  if (!position) return 'expected the value to write and the feedback that shows it, such as 1,1000'
  return command && isBit(command) && position.write !== 0 && position.write !== 1
    ? 'a coil is 0 or 1: expected one of these before the comma'
    : undefined
}

/** Positions have an obvious answer where the points are single bits, and only there. */
const bitPosition = (value: number) => (given: Answers) => {
  const command = parsePoint(given.command ?? '')
  const feedback = parsePoint(given.feedback ?? '')
  return command && feedback && isBit(command) && isBit(feedback) ? `${value},${value}` : undefined
}

/** In the order in which they are asked: each may look at the answers to those before it. */
export const QUESTIONS: readonly Question[] = [
  {
    key: 'environment',
    flag: '--environment',
    text: 'The plant. It becomes part of every key and cannot be changed later; a test plant gets another name',
    when: always,
    fallback: none,
    mistake: named,
  },
  {
    key: 'gateway',
    flag: '--gateway',
    text: 'This gateway in it',
    when: always,
    fallback: (_, { hostname }) => nameOf(hostname),
    mistake: named,
  },
  {
    key: 'key',
    flag: '--key',
    text: 'Where the master key is kept: tpm, systemd-credential (encrypted on the disk) or file (IN CLEAR on the disk)',
    when: always,
    fallback: (given, { hasTpm }) => (hasTpm || given.tcti !== undefined ? 'tpm' : undefined),
    mistake: (answer, given, { hasTpm, hasCredentials }) => {
      if (!['tpm', 'systemd-credential', 'file'].includes(answer))
        return 'expected tpm, systemd-credential or file'
      if (answer === 'tpm' && !hasTpm && given.tcti === undefined)
        return 'this host shows no TPM (/dev/tpmrm0): switch it on in the firmware set-up, or choose another place. For a trial with a TPM in software give its address: --tcti swtpm:path=…'
      return answer === 'systemd-credential' && !hasCredentials
        ? "that takes root, systemd as the host's service manager, and the configuration of the package"
        : undefined
    },
  },
  {
    key: 'tcti',
    flag: '--tcti',
    text: 'How the TPM is reached',
    // Nobody is asked: a TPM in software is taken by those alone who say so.
    when: given => given.key === 'tpm' && given.tcti !== undefined,
    fallback: none,
    mistake: answer =>
      /^[a-z]+:[\x21-\x7e]{1,200}$/.test(answer)
        ? undefined
        : 'expected a TCTI such as device:/dev/tpmrm0 or swtpm:path=/run/swtpm.sock',
  },
  {
    key: 'escrow',
    flag: '--escrow',
    text: 'Shares of the key on paper, for when the board dies or its firmware changes: 3-of-5 prints five, of which any three give it back; or none',
    when: given => given.key === 'tpm',
    fallback: () => 'none',
    mistake: answer => {
      if (answer === 'none') return undefined
      const scheme = parseScheme(answer)
      return scheme.kind === 'refused' ? scheme.detail : undefined
    },
  },
  {
    key: 'listen',
    flag: '--listen',
    text: 'The address for commands over the network, such as 10.1.0.5:8440; or none: then only from this host, through a socket',
    when: always,
    fallback: () => 'none',
    mistake: answer => {
      if (answer === 'none') return undefined
      const [, host = '', port = ''] = /^(?:\[([^\]]+)\]|[^:\s]+):([0-9]{1,5})$/.exec(answer) ?? []
      return port !== '' && Number(port) <= 65_535 && (host === '' || isIP(host) === 6)
        ? undefined
        : 'expected host:port, such as 10.1.0.5:8440 or [fd00::5]:8440, or none'
    },
  },
  {
    key: 'networks',
    flag: '--networks',
    text: 'The networks that may connect there, with commas: 10.1.0.0/16',
    when: given => has(given, 'listen'),
    fallback: none,
    mistake: answer =>
      answer.split(',').every(text => network.safeParse(text.trim()).success)
        ? undefined
        : 'expected networks such as 10.1.0.0/16, with commas between them',
  },
  {
    key: 'forgeries',
    flag: '--forgeries',
    text: 'What forged commands there do. alarm: they raise an alarm and move nothing. count: five of them drive what they aim at to its safe state, so whoever reaches the address can stop it',
    when: given => has(given, 'listen'),
    fallback: none,
    mistake: answer => (answer === 'alarm' || answer === 'count' ? undefined : 'expected alarm or count'),
  },
  {
    key: 'device',
    flag: '--device',
    text: 'The first device, over Modbus TCP, such as 10.1.2.5 or plc-7:502; or later: then an example is written, commented out',
    when: always,
    fallback: () => 'later',
    mistake: answer =>
      answer === 'later' || parseDevice(answer) ? undefined : 'expected host or host:port, or later',
  },
  {
    key: 'unit',
    flag: '--unit',
    text: 'Its unit identifier',
    when: hasDevice,
    fallback: () => '1',
    mistake: answer =>
      /^[0-9]{1,3}$/.test(answer) && Number(answer) <= 255 ? undefined : 'expected 0 to 255',
  },
  {
    key: 'valve',
    flag: '--valve',
    text: 'A valve on it: the name that operators will type',
    when: hasDevice,
    fallback: () => 'inlet-valve',
    mistake: named,
  },
  {
    key: 'command',
    flag: '--command',
    text: "The point that commands it, as the device's list of points has it, counted from 0: coil:0 or holding_register:3",
    when: hasDevice,
    fallback: none,
    mistake: answer =>
      ['coil', 'holding_register'].includes(parsePoint(answer)?.table ?? '')
        ? undefined
        : 'expected coil:N or holding_register:N: only these can be written',
  },
  {
    key: 'feedback',
    flag: '--feedback',
    text: 'The point that shows where it is, such as input_register:0 or discrete_input:0: another than the one that commands it, if there is one',
    when: hasDevice,
    fallback: none,
    mistake: answer =>
      parsePoint(answer)
        ? undefined
        : 'expected coil:N, discrete_input:N, holding_register:N or input_register:N',
  },
  {
    key: 'closed',
    flag: '--closed',
    text: 'Closed: the value to write, and the feedback that shows it',
    when: hasDevice,
    fallback: bitPosition(0),
    mistake: (answer, given) => positionMistake(answer, given.command),
  },
  {
    key: 'open',
    flag: '--open',
    text: 'Open: the value to write, and the feedback that shows it',
    when: hasDevice,
    fallback: bitPosition(1),
    mistake: (answer, given) => positionMistake(answer, given.command),
  },
  {
    key: 'tolerance',
    flag: '--tolerance',
    text: 'How far the feedback may be off and still show it',
    when: given => hasDevice(given) && !isBit(parsePoint(given.feedback ?? '') ?? BIT),
    fallback: () => '0',
    mistake: answer =>
      /^[0-9]{1,9}(?:\.[0-9]{1,6})?$/.test(answer) ? undefined : 'expected a number such as 10',
  },
  {
    key: 'travelTime',
    flag: '--travel-time',
    text: 'The longest that it travels, such as 30s',
    when: hasDevice,
    fallback: none,
    mistake: answer => (parseDuration(answer) ? undefined : 'expected a duration such as 3s or 2m'),
  },
  {
    key: 'safe',
    flag: '--safe',
    text: 'Where it is safe: closed, open, or hold (it stays where it is). What a trip does is this',
    when: hasDevice,
    fallback: none,
    mistake: answer =>
      ['closed', 'open', 'hold'].includes(answer) ? undefined : 'expected closed, open or hold',
  },
  {
    key: 'admin',
    flag: '--admin',
    text: 'Whom the first credential is for, with the role admin',
    when: always,
    fallback: (_, { login }) => login,
    mistake: answer =>
      parseCaveat(`sub=${answer}`) ? undefined : 'expected 1 to 64 letters, digits and . _ @ + -',
  },
]

const BIT = { table: 'coil', address: 0 } as const
