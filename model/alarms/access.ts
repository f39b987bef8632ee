import type { AlarmForm } from '../alarm-form.ts'

const ASK = 'ask them; if it was not them, `holdfast credential revoke`'
const STOLEN = 'if it was not them, somebody else holds their credential, and commands with it'

/** Alarms about who asks, and with what: attacks, credentials and their keys. */
export const ACCESS_ALARMS = {
  'authentication-failures': {
    severity: 'warning',
    within: 'minutes',
    ends: 'acknowledging',
    cause:
      'requests aimed at an actuator were forged, denied or replayed, and not (yet) so many that it trips',
    consequence: 'a few more may trip it, or lock somebody out who should not be',
    remedy:
      'find out what is at the source address: an attack, a wrong clock, or a program with an old credential',
  },
  'foreign-site': {
    severity: 'warning',
    within: 'hours',
    ends: 'acknowledging',
    cause:
      'a page of another site makes a browser send requests here: each is refused, and held against nobody',
    consequence: 'somebody tries to use the browser of a person on shift; what it may open they may, too',
    remedy:
      'close that page at the address that the alarm names, and find out what it is and how it came there',
  },
  'identity-suspended': {
    severity: 'warning',
    within: 'hours',
    ends: 'itself',
    cause: "somebody's failures have tripped an actuator",
    consequence: 'their commands away from safe are refused',
    remedy:
      'ask them; revoke what was stolen; `holdfast suspension lift`, or resetting the actuator, lifts it',
  },
  'listener-closed': {
    severity: 'critical',
    within: 'minutes',
    ends: 'itself',
    cause: "attacks over a listener have used up the day's trips",
    consequence: 'nobody is let in over it any more, operators included',
    remedy: 'find the source; when it is over, `holdfast listener open NAME`',
  },
  'failed-authentications': {
    severity: 'warning',
    worst: 'critical',
    within: 'hours',
    ends: 'itself',
    cause:
      'more requests of the last hour were forged, denied, stale or replayed than `alarms.failed_authentications` (10 and 50)',
    consequence: 'an attack goes on, or a program or a clock is wrong; actuators may trip',
    remedy: '`holdfast audit query --outcome refused` says from where; docs/runbooks/incident.md',
  },
  refusals: {
    severity: 'warning',
    worst: 'critical',
    within: 'hours',
    ends: 'itself',
    cause:
      "a greater share of the last hour's requests was refused, for whatever reason, than `alarms.refusals` (5 and 10 %; of 20 requests at least)",
    consequence: 'people or programs do not get what they ask for, and may not notice',
    remedy:
      '`holdfast audit query --outcome refused` says why: a tripped actuator, a program that asks for too much',
  },
  'credential-overused': {
    severity: 'warning',
    worst: 'critical',
    within: 'hours',
    ends: 'itself',
    cause:
      'one credential was used more often in a minute than `alarms.requests_per_credential` (300 and 1200)',
    consequence: 'it takes from everybody else, and wears out what it commands',
    remedy: 'find the program that asks so often, or the thief; a credential can carry a rate',
  },
  'credential-new-address': {
    severity: 'notice',
    within: 'hours',
    ends: 'acknowledging',
    cause: "somebody's credential was used from an address that they have not used for 30 days",
    consequence: STOLEN,
    remedy: ASK,
  },
  'credential-new-hour': {
    severity: 'notice',
    within: 'hours',
    ends: 'acknowledging',
    cause: "somebody's credential was used at a time of day at which they have not used one for 30 days",
    consequence: STOLEN,
    remedy: ASK,
  },
  'credential-spike': {
    severity: 'warning',
    within: 'hours',
    ends: 'acknowledging',
    cause: "somebody's credentials were suddenly used far more often than in any hour of the last week",
    consequence: `a program runs wild; or, ${STOLEN}`,
    remedy: ASK,
  },
  'master-key-unavailable': {
    severity: 'critical',
    within: 'hours',
    ends: 'itself',
    cause: 'the master key cannot be used: the TPM, its state or its driver is in the way',
    consequence:
      'what was issued goes on working until its epoch ends, nothing after it, and nothing new is issued',
    remedy: 'do what the alarm says; `holdfast tpm status` says more',
  },
  'rotation-due': {
    severity: 'warning',
    within: 'days',
    ends: 'itself',
    cause: 'the newest generation of the master key is older than `credentials.rotation_due`',
    consequence: 'a key that leaked unseen stays good',
    remedy: '`holdfast key rotate`; docs/runbooks/rotate.md',
  },
  'key-not-removed': {
    severity: 'warning',
    within: 'days',
    ends: 'acknowledging',
    cause: "a generation's grace is over and its files could not be removed",
    consequence: 'nothing accepts it any more, but what it was made of is still there',
    remedy: 'look at the disk and the TPM, then remove the files that the alarm names',
  },
  'checkpoint-key-unpublished': {
    severity: 'warning',
    within: 'hours',
    ends: 'itself',
    cause: 'the public key that newer checkpoints are to be verified with cannot be put into `audit.vkey`',
    consequence:
      'the audit log is signed with the key before, or, where there is none, not at all; a new key signs nothing',
    remedy: 'do what the alarm says about the file; it is tried again every half minute',
  },
  'break-glass': {
    severity: 'critical',
    within: 'minutes',
    ends: 'itself',
    cause: 'the emergency credential is in use',
    consequence: 'whoever holds it commands everything, until its time is over',
    remedy: 'know by whom; when the emergency is over, `holdfast break-glass close`',
  },
  'break-glass-unused': {
    severity: 'critical',
    within: 'hours',
    ends: 'acknowledging',
    cause: 'somebody opened the emergency key, and the agent did not take it up',
    consequence: 'there is no emergency credential; the sheet that was sealed last is still good',
    remedy: 'ask who did; for an emergency open it again: docs/runbooks/break-glass.md',
  },
} as const satisfies Readonly<Record<string, AlarmForm>>
