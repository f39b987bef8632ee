import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { signCheckpoint } from '../../../../agent/audit/checkpoint.ts'
import { formatCef } from '../../../../agent/audit/export/cef.ts'
import { type Event, eventOf } from '../../../../agent/audit/export/event.ts'
import { formatOcsf } from '../../../../agent/audit/export/ocsf.ts'
import { formatCheckpointRfc5424, formatRfc5424 } from '../../../../agent/audit/export/rfc5424.ts'
import { canonicalJson, type Json } from '../../../../model/json.ts'
import { SIGNER } from '../fixture.ts'

const SOURCE = { environment: 'plant', gateway: 'gateway-1' }
const VERSION = '1.2.3'
const HEADER = { seq: 7, boot: 'boot-1', time: '2026-01-01T00:00:00.250Z', mono_ms: 5 }
const TIME = Date.UTC(2026, 0, 1, 0, 0, 0, 250)

function event(members: { readonly [member: string]: Json }): Event {
  const record = { ...HEADER, ...members }
  return eventOf({ seq: HEADER.seq, text: canonicalJson(record) }, SOURCE)
}

const OUTCOME = event({
  kind: 'command-outcome',
  command: 'c-1',
  subject: 'alice',
  credential: 'serial-1',
  channel: 'plant-lan',
  source: '10.1.2.3',
  actuator: 'inlet-valve',
  asked: 'open',
  found: { between: 0.5 },
  outcome: 'mismatch',
  detail: 'after 20s',
  latency_ms: 20012.3,
})

/** What a hostile sender gets into a record. */
const REFUSAL = event({
  kind: 'refusal',
  outcome: 'refused',
  code: 'not-found',
  status: 404,
  detail: 'nothing',
  method: 'GET',
  path: '/a"]b\\c|d=e\n<0>1 forged',
  channel: 'lan',
  source: 'fd00::7',
})

const TRIP = event({
  kind: 'trip',
  actuator: 'inlet-valve',
  cause: 'authentication-failures',
  detail: 'five',
})

const ISSUED = event({
  kind: 'credential-issued',
  subject: 'olga',
  role: 'operator',
  credential: 'serial-2',
  issuer: 'erika',
  issuer_credential: 'serial-1',
  outcome: 'accepted',
})

const REVOKED = event({
  kind: 'revocation',
  revoked: 'subject',
  subject: 'olga',
  by: 'erika',
  credential: 'serial-1',
  outcome: 'accepted',
})

const REVOKED_SERIAL = event({ kind: 'revocation', revoked: 'credential', serial: 'serial-2', by: 'erika' })

describe('whose credential was issued or revoked', () => {
  const forms: [form: string, of: Event, says: RegExp][] = [
    ['words', ISSUED, /^for olga; .*role operator/],
    ['words', REVOKED, /^for olga; revoked subject$/],
    [
      'words',
      event({ kind: 'revocation', subject: 'olga', by: 'olga', revoked: 'subject' }),
      /^revoked subject$/,
    ],
    ['words', OUTCOME, /^open, found/],
    ['RFC 5424', ISSUED, / issuer="erika" subject="olga" credential="serial-2".*\] \ufefffor olga;/],
    ['RFC 5424', REVOKED, / by="erika" subject="olga" credential="serial-1".*\] \ufefffor olga;/],
    ['CEF', ISSUED, / suser=erika duser=olga .* msg=for olga;/],
    ['CEF', REVOKED, / suser=erika duser=olga .* msg=for olga;/],
    [
      'OCSF',
      ISSUED,
      /"actor":{"user":{"name":"erika","credential_uid":"serial-1"}}.*"resources":\[{"name":"olga","type":"subject"},{"uid":"serial-2","type":"credential"}\]/,
    ],
    [
      'OCSF',
      REVOKED,
      /"actor":{"user":{"name":"erika","credential_uid":"serial-1"}}.*"resources":\[{"name":"olga","type":"subject"}\]/,
    ],
    ['OCSF', REVOKED_SERIAL, /"resources":\[{"uid":"serial-2","type":"credential"}\]/],
  ]
  const print: Readonly<Record<string, (of: Event) => string>> = {
    words: of => of.words,
    'RFC 5424': formatRfc5424,
    CEF: of => formatCef(of, VERSION),
    OCSF: of => formatOcsf(of, VERSION),
  }
  for (const [form, of, says] of forms)
    it(`is in the ${form} of ${of.text}, apart from who did it`, () =>
      assert.match(print[form]?.(of) ?? '', says))

  it('is nowhere in CEF where nobody else is meant', () =>
    assert.doesNotMatch(formatCef(OUTCOME, VERSION), /duser/))
})

describe('a checkpoint as syslog (RFC 5424)', () => {
  it('is this line, with the note in base64: it has lines, which no receiver is to change', () => {
    const note = signCheckpoint(128, Buffer.alloc(32, 0xab), SIGNER)
    assert.equal(
      formatCheckpointRfc5424({ size: 128, note }, SOURCE, TIME),
      '<110>1 2026-01-01T00:00:00.250Z gateway-1 holdfast - checkpoint [holdfast@32473 environment="plant" size="128" ' +
        `root="q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=" note="${Buffer.from(note).toString('base64')}"] ` +
        '\ufeff128 records, root q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=',
    )
  })
})

describe('a record as syslog (RFC 5424)', () => {
  it('is this line', () => {
    assert.equal(
      formatRfc5424(OUTCOME),
      '<107>1 2026-01-01T00:00:00.250Z gateway-1 holdfast - command-outcome ' +
        '[holdfast@32473 environment="plant" seq="7" boot="boot-1" kind="command-outcome" subject="alice" credential="serial-1" ' +
        'channel="plant-lan" source="10.1.2.3" actuator="inlet-valve" asked="open" found="{\\"between\\":0.5}" ' +
        'outcome="mismatch" latency_ms="20012.3"] ' +
        '\ufeffopen, found between positions (feedback 0.5); after 20s; took 20s; from 10.1.2.3',
    )
  })

  it('is of the grammar, one line, and keeps its values, whatever they are', () => {
    // RFC 5424 §6: HEADER SP STRUCTURED-DATA SP MSG; a value escapes `"`, `\` and `]`.
    const grammar =
      /^<(\d{1,3})>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [\x21-\x7e]{1,255} holdfast - [\x21-\x7e]{1,32} \[holdfast@32473((?: [a-z_]+="(?:[^"\\\]]|\\["\\\]])*")+)\] \ufeff(.*)$/su
    const anyText = fc.string({ unit: 'grapheme' })
    fc.assert(
      fc.property(anyText, anyText, (subject, kind) => {
        const line = formatRfc5424(event({ kind, subject }))
        const [, , data = ''] = grammar.exec(line) ?? assert.fail(line)
        assert.doesNotMatch(line, /[\n\r\0]/)
        const found = / subject="((?:[^"\\\]]|\\["\\\]])*)"/.exec(data)?.[1]?.replaceAll(/\\(["\\\]])/g, '$1')
        assert.equal(found, subject.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '\ufffd'))
      }),
    )
  })

  it('is as loud as the record: a trip is critical, a refusal a warning, a command information', () => {
    const levels = [TRIP, REFUSAL, event({ kind: 'command-outcome', outcome: 'verified' })].map(
      each => Number(/^<(\d+)>/.exec(formatRfc5424(each))?.[1]) - 13 * 8,
    )
    assert.deepEqual(levels, [2, 4, 6])
  })
})

describe('a record as CEF', () => {
  it('is this line', () => {
    assert.equal(
      formatCef(OUTCOME, VERSION),
      'CEF:0|holdfast|holdfast|1.2.3|command-outcome|how that command ended|7|' +
        `rt=${TIME} dvchost=gateway-1 deviceExternalId=plant/gateway-1 externalId=7 act=command-outcome suser=alice ` +
        'src=10.1.2.3 outcome=mismatch cs1Label=credential cs1=serial-1 cs2Label=actuator cs2=inlet-valve ' +
        'cs3Label=asked cs3=open cs4Label=found cs4={"between":0.5} cs5Label=channel cs5=plant-lan ' +
        'msg=open, found between positions (feedback 0.5); after 20s; took 20s; from 10.1.2.3',
    )
  })

  it('escapes what would end a field, and stays one line', () => {
    const line = formatCef(REFUSAL, VERSION)
    assert.match(line, / request=\/a"\]b\\\\c\|d\\=e\ufffd<0>1 forged /)
    assert.match(line, / c6a2Label=Source IPv6 Address c6a2=fd00::7 /)
    assert.doesNotMatch(line, /[\n\r]/)
    const header = formatCef(event({ kind: 'a|b\\c' }), VERSION)
    assert.ok(header.startsWith('CEF:0|holdfast|holdfast|1.2.3|a\\|b\\\\c|a\\|b\\\\c|1|rt='), header)
  })
})

/** What OCSF 1.3.0 requires of every event, and of each class that is used. */
const REQUIRED = ['activity_id', 'category_uid', 'class_uid', 'type_uid', 'severity_id', 'time', 'metadata']
const REQUIRED_BY_CLASS: Readonly<Record<number, readonly string[]>> = {
  6003: ['actor', 'api', 'src_endpoint'],
  2004: ['finding_info'],
  6002: ['app'],
}

describe('a record as OCSF', () => {
  const parse = (of: Event) =>
    JSON.parse(formatOcsf(of, VERSION)) as Record<string, Json> & { class_uid: number }

  it('is this event', () => {
    assert.deepEqual(parse(OUTCOME), {
      activity_id: 3,
      activity_name: 'Update',
      category_uid: 6,
      class_uid: 6003,
      class_name: 'API Activity',
      type_uid: 600303,
      severity_id: 4,
      time: TIME,
      message: 'open, found between positions (feedback 0.5); after 20s; took 20s; from 10.1.2.3',
      status_id: 2,
      status: 'mismatch',
      status_detail: 'after 20s',
      duration: 20012,
      metadata: {
        version: '1.3.0',
        product: { name: 'holdfast', vendor_name: 'holdfast', version: '1.2.3' },
        log_name: 'plant/gateway-1',
        uid: '7',
        sequence: 7,
        original_time: '2026-01-01T00:00:00.250Z',
        event_code: 'command-outcome',
      },
      actor: { user: { name: 'alice', credential_uid: 'serial-1' } },
      api: { operation: 'command-outcome', request: { uid: 'c-1' } },
      src_endpoint: { ip: '10.1.2.3' },
      resources: [{ name: 'inlet-valve', type: 'actuator' }],
      raw_data: OUTCOME.text,
    })
  })

  const classes: [what: string, event: Event, uid: number][] = [
    ['a command', OUTCOME, 6003],
    ['a refusal of somebody unknown', REFUSAL, 6003],
    ['a summary of refusals', event({ kind: 'refusals-summarised', code: 'x', count: 5 }), 6003],
    ['a trip', TRIP, 2004],
    [
      'a trip that somebody has seen',
      event({ kind: 'trip-acknowledged', actuator: 'v', cause: 'manual' }),
      2004,
    ],
    ['an interlock that holds again', event({ kind: 'interlock-ended', actuator: 'v' }), 2004],
    ['a listener that nobody is let in over', event({ kind: 'listener-closed', listener: 'lan' }), 2004],
    ['an alarm', event({ kind: 'alarm', alarm: 'audit-gap', detail: 'full' }), 2004],
    ['the start of the agent', event({ kind: 'agent-started', listeners: [] }), 6002],
    ['a kind that is not known yet', event({ kind: 'party' }), 6003],
    ['the name of an inherited member', event({ kind: 'toString', outcome: 'valueOf' }), 6003],
  ]
  for (const [what, of, uid] of classes) {
    it(`has all that its class requires: ${what}`, () => {
      const found = parse(of)
      assert.equal(found.class_uid, uid)
      for (const name of [...REQUIRED, ...(REQUIRED_BY_CLASS[uid] ?? [])])
        assert.notEqual(found[name], undefined, name)
      assert.equal(found.type_uid, uid * 100 + Number(found.activity_id))
      const endpoint = found.src_endpoint as { ip?: string; name?: string } | undefined
      if (uid === 6003) assert.ok(endpoint?.ip ?? endpoint?.name, 'an endpoint has an address or a name')
    })
  }
})
