import { stringify } from 'yaml'
import { plain } from '../../model/plain.ts'
import type { Place } from './place.ts'
import { type AnsweredPoint, isBit, parseDevice, parsePoint, parsePosition } from './point.ts'
import type { Answers } from './questions.ts'

/** The credential's name under which systemd keeps a master key. */
export const KEY_CREDENTIAL = 'holdfast-master-key'
/** The name of the key file, beside the configuration. */
export const KEY_FILE = 'master.key'

/**
 * The text of a first configuration: what was answered, what it means, and what can be said further, commented out. The answers were
 * found right.
 */
export function firstConfig(answers: Answers, place: Place, day: string): string {
  const example = place.isPackaged
    ? '/usr/share/doc/holdfast/examples/water-treatment/holdfast.yaml'
    : 'examples/water-treatment/holdfast.yaml'
  const sections = [
    `# The configuration of a holdfast gateway, written by holdfast init on ${day}. It is yours: change it with an editor, and
# look at it with: holdfast check ${plain(place.config)}
# A change takes effect when the agent is started again. An example with everything in it, line by line: ${example}`,
    `# Both are part of every key: a credential of one gateway is worth nothing on another. Neither can be changed later.
environment: ${word(answers.environment)}
gateway: ${word(answers.gateway)}`,
    ...(place.stateDirLine === undefined
      ? []
      : [
          `# The audit log, the key's files and the latches. Relative paths start from this file's folder.
state_dir: ${place.stateDirLine}`,
        ]),
    masterKey(answers),
    `# How long credentials last at most. Whoever asks for one gets what they asked for, up to this.
credentials:
  max_lifetime: 8h`,
    listeners(answers, place),
    `# So many authentication failures by one identity, aimed at one actuator, drive it to its safe state; one is forgotten each minute.
authentication_failures:
  limit: 5
  warn: 3
  leak_every: 60s`,
    answers.device === undefined || answers.device === 'later' ? laterPlant() : plant(answers),
  ]
  return `${sections.join('\n\n')}\n`
}

function masterKey({ key, tcti }: Answers): string {
  switch (key) {
    case 'systemd-credential':
      return `# Where the master key is: encrypted on the disk, decrypted by systemd for this service alone.
master_key:
  source: systemd-credential
  credential: ${KEY_CREDENTIAL}
  generation: 1`
    case 'file':
      return `# Where the master key is: IN CLEAR ON THIS DISK. Whoever copies the disk or a backup of it can issue credentials. Keep the file
# out of backups, and move the key to a TPM or a systemd credential when you can.
master_key:
  source: file
  path: ./${KEY_FILE}
  generation: 1`
    default:
      return `# Where the master key is: in the TPM, bound to the state of Secure Boot. A change of that makes it unusable until it is recovered.
master_key:
  source: tpm${tcti === undefined ? '' : `\n  tcti: ${JSON.stringify(tcti)}${tcti.startsWith('swtpm:') ? ' # a TPM in software: for trials, it keeps nothing from root' : ''}`}
  pcrs: sha256:7`
  }
}

function listeners({ listen, networks = '', forgeries }: Answers, place: Place): string {
  const lan =
    listen === undefined || listen === 'none'
      ? `  # Over the network there is none. One for signed commands, and what forged requests on it do, which you must choose:
  # - name: plant-lan
  #   tcp: 10.1.0.5:8440
  #   allowed_networks: [10.1.0.0/16] # everybody else is dropped
  #   unattributed_failures: alarm # or count: five of them drive what they aim at to its safe state`
      : `  # Where signed commands come in over the network. Everybody outside of allowed_networks is dropped.
  - name: plant-lan
    tcp: ${JSON.stringify(listen)}
    allowed_networks: [${networks
      .split(',')
      .map(text => JSON.stringify(text.trim()))
      .join(', ')}]
${
  forgeries === 'count'
    ? `    # Forged requests here count: five of them, aimed at one actuator, drive it to its safe state. WHOEVER CAN REACH THIS
    # ADDRESS CAN STOP WHAT IT GUARDS. Where a stop does harm, choose alarm.
    unattributed_failures: count`
    : `    # Forged requests here are refused and raise an alarm; they move nothing. With count, five of them drive what they aim
    # at to its safe state: the right choice where a stop is harmless and a forged command is not.
    unattributed_failures: alarm`
}`
  return `listeners:
${lan}

  # On this host: for the operators' group.
  - name: operators
    unix: ${place.operatorSocket}
    mode: "0660"

  # On this host: whoever can open this one can issue credentials.
  - name: admin
    unix: ${place.adminSocket}
    mode: "0600"
    admin: true`
}

function plant(answers: Answers): string {
  const { host, port } = parseDevice(answers.device ?? '') ?? { host: '', port: 0 }
  const { unit, valve, tolerance = '0', travelTime, safe } = answers
  const command = parsePoint(answers.command ?? '')
  const feedback = parsePoint(answers.feedback ?? '')
  const isEcho = isSame(command, feedback)
  return `devices:
  plc:
    protocol: modbus-tcp
    host: ${JSON.stringify(host)}
    port: ${port}
    unit: ${unit}
    timeout: 1s # one answer; slow devices take more
    # A device that can notice that this agent is gone should: docs/WATCHDOGS.md.

actuators:
  ${word(valve)}:
    device: plc
    command: ${pointText(command)}
    feedback: ${pointText(feedback)}${isEcho ? '\n    # What is written is what is read back: this shows the memory of the device, and not the plant.\n    feedback_is_command: true' : ''}
    positions:
      closed: ${positionText(answers.closed)}
      open: ${positionText(answers.open)}
    tolerance: ${tolerance} # the feedback may be off by so much and still show a position
    travel_time: ${travelTime} # after that a command that is not seen is a mismatch
    safe: ${word(safe)}${safe === 'hold' ? ' # it stays where it is' : ''}
    on_stop: keep # when the agent is stopped in order; safe drives it there first
${guards('    ')}

${groups()}`
}

function laterPlant(): string {
  return `# No device yet. Take away the two lines that end with {}, and the # before the others; say what is true of your plant; then:
# holdfast check, holdfast device probe.
devices: {}
# devices:
#   plc:
#     protocol: modbus-tcp # or modbus-rtu, modbus-rtu-over-tcp, modbus-tcp-security, opcua: docs/DEVICES.md
#     host: 10.1.2.5
#     port: 502
#     unit: 1
#     timeout: 1s

actuators: {}
# actuators:
#   inlet-valve:
#     device: plc
#     command: { coil: 0 }
#     feedback: { input_register: 0 } # another point than the one that is written: what the valve does, not what it was told
#     positions:
#       closed: { write: 0, feedback: 0 }
#       open: { write: 1, feedback: 1000 }
#     tolerance: 10
#     travel_time: 30s
#     safe: closed # where a trip drives it
#     on_stop: keep # when the agent is stopped in order; safe drives it there first
${guards('#     ').replaceAll('# # ', '#   ')}

${groups()}`
}

/** What drives an actuator to its safe state, and what does not unless somebody says so. */
function guards(margin: string): string {
  return [
    '# What drives it to its safe state and keeps it there until it is reset (docs/FAILSAFE.md). What is commented out does not.',
    'trips_on:',
    '  authentication_failures: true',
    '  # operator_heartbeat: 30s # it is not safe, and nobody was there for so long',
    '  # device_unreachable: 10s',
    '  # feedback_mismatch: 2s',
    '  # master_key_unavailable: 1h',
    '  # clock_untrusted: 1m',
    '  # audit_unwritable: 30s',
  ]
    .map(line => `${margin}${line}`)
    .join('\n')
}

function groups(): string {
  return `# Actuators that trip together, in this order: the pump stops before the valve closes.
# trip_groups:
#   tank-1: [inlet-pump, inlet-valve]`
}

function pointText(point: AnsweredPoint | undefined): string {
  if (point === undefined) return '{}'
  const type = isBit(point) ? '' : ' # one register, uint16; other types, scales and bits: docs/DEVICES.md'
  return `{ ${point.table}: ${point.address} }${type}`
}

function positionText(answer = ''): string {
  const { write, feedback } = parsePosition(answer) ?? { write: 0, feedback: 0 }
  return `{ write: ${write}, feedback: ${feedback} }`
}

/** A name as YAML takes it for one: `0`, `null` and `on` are in quotes. */
function word(text = ''): string {
  return stringify(text).trim()
}

function isSame(one: AnsweredPoint | undefined, other: AnsweredPoint | undefined): boolean {
  return one?.table === other?.table && one?.address === other?.address
}
