import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { formatCef } from '../../agent/audit/export/cef.ts'
import { eventOf } from '../../agent/audit/export/event.ts'
import { formatOcsf } from '../../agent/audit/export/ocsf.ts'
import { recordText, stampEntry } from '../../agent/audit/record.ts'
import type { AuditEntry } from '../../model/audit.ts'

const FOLDER = join(import.meta.dirname, '..', '..', 'examples', 'siem')
const SOURCE = { environment: 'north-works', gateway: 'gateway-7' }
const VERSION = '0.1.0'
const WAY = { channel: 'plant-lan', source: '10.1.2.3' }
const WHO = { subject: 'alice', credential: 'NDXPFVN5RRGT3SHA', ...WAY }
const COMMAND = { command: '5f0c', actuator: 'drain-valve', asked: 'open', ...WHO }

/** What happened on one morning. */
const ENTRIES: readonly AuditEntry[] = [
  { kind: 'command-outcome', ...COMMAND, outcome: 'verified', found: 'open', latency_ms: 812 },
  {
    kind: 'command-outcome',
    ...COMMAND,
    outcome: 'mismatch',
    found: 'closed',
    detail: 'after 20s',
    latency_ms: 20012,
  },
  {
    ...{ kind: 'refusal', outcome: 'refused', code: 'signature-invalid', status: 403, method: 'POST' },
    ...{ path: '/v1/actuators/drain-valve/commands', detail: 'the signature is = not | right', ...WAY },
  } as AuditEntry,
  { kind: 'trip', actuator: 'drain-valve', cause: 'authentication-failures', detail: '5 bad signatures' },
  { kind: 'log-rolled-back', counter: 437, counter_recorded: 412, detail: 'the log was put back' },
  {
    ...{ kind: 'credential-issued', subject: 'olga', role: 'operator', credential: '6OQJ4F2WZ5Q7YB3K' },
    ...{ keyid: 'hf1.example', lifetime: '12h', issuer: 'erika', issuer_credential: 'NDXPFVN5RRGT3SHA' },
    ...{ ...WAY, outcome: 'accepted', latency_ms: 3 },
  } as AuditEntry,
  {
    ...{
      kind: 'revocation',
      revoked: 'subject',
      subject: 'olga',
      at: Date.UTC(2026, 0, 31, 12),
      by: 'erika',
    },
    ...{ credential: 'NDXPFVN5RRGT3SHA', reason: 'left the works', ...WAY, outcome: 'accepted' },
  } as AuditEntry,
]

const events = ENTRIES.map((entry, seq) => {
  const at = Date.UTC(2026, 0, 31, 12) + seq * 1000
  return eventOf({ seq, text: recordText(seq, 'boot-1', stampEntry(entry, at, seq * 1000)) }, SOURCE)
})

const SAMPLES = {
  'sample.ocsf.jsonl': events.map(event => `${formatOcsf(event, VERSION)}\n`).join(''),
  'sample.cef': events.map(event => `${formatCef(event, VERSION)}\n`).join(''),
}

const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8')
const ocsf = () =>
  SAMPLES['sample.ocsf.jsonl']
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)

/** The values at a path in any of the sample's events; `x{}` is each of a list, as Splunk says it. */
function valuesAt(path: string): unknown[] {
  let found: unknown[] = ocsf()
  for (const step of path.split('.')) {
    const name = step.replace('{}', '')
    found = found.flatMap(value => {
      const member = (value as Record<string, unknown> | undefined)?.[name]
      return member === undefined ? [] : step.endsWith('{}') ? (member as unknown[]) : [member]
    })
  }
  return found
}

describe('the examples for Elastic and Splunk', () => {
  for (const [name, text] of Object.entries(SAMPLES))
    it(`have a ${name} that is what the program prints`, () => {
      // HOLDFAST_WRITE_DOCS=1 writes it anew.
      if (process.env.HOLDFAST_WRITE_DOCS) writeFileSync(join(FOLDER, name), text)
      assert.equal(read(name), text)
    })

  it('read only fields of OCSF that the sample has, in the Elastic pipeline', () => {
    const { processors } = JSON.parse(read('elastic-ocsf-pipeline.json')) as {
      processors: Record<string, { copy_from?: string; field?: string; fields?: string[]; if?: string }>[]
    }
    const named = processors.flatMap(each => {
      const [[kind, { copy_from, field, fields = [], if: test = '' }] = ['', {}]] = Object.entries(each)
      const asked = [...test.matchAll(/ctx\.([a-z_.]+)/g)].map(([, path = '']) => path)
      return [
        ...(copy_from ? [copy_from] : []),
        ...(kind === 'date' && field ? [field] : []),
        ...fields,
        ...asked,
      ]
    })
    assert.ok(named.length > 10)
    for (const path of named) assert.notDeepEqual(valuesAt(path), [], path)
  })

  it('read only fields of OCSF that the sample has, in Splunk, and its time where it stands first', () => {
    const conf = read('splunk-ocsf-props.conf')
    const named = [...conf.matchAll(/^FIELDALIAS-\w+ = "([^"]+)"/gm)].map(([, path = '']) => path)
    assert.equal(named.length, 4)
    for (const path of named) assert.notDeepEqual(valuesAt(path), [], path)
    for (const line of SAMPLES['sample.ocsf.jsonl'].trimEnd().split('\n'))
      assert.match(line.slice(line.indexOf('"time":') + 7, line.indexOf('"time":') + 20), /^\d{13}$/)
  })

  it("extract what they say from each line of CEF, with Splunk's own expressions in another's engine", () => {
    const conf = read('splunk-cef-props.conf')
    const rules = [...conf.matchAll(/^EXTRACT-\w+ = (.*)$/gm)].map(([, rule = '']) => rule)
    assert.equal(rules.length, 7)
    // Splunk's engine is PCRE; Perl's is its model.
    const script =
      'use JSON::PP; my @all; while (my $line = <STDIN>) { chomp $line; my %f; for my $r (@ARGV) { $line =~ /$r/ and %f = (%f, %+) } push @all, \\%f } print encode_json(\\@all)'
    const { stdout, stderr } = spawnSync('perl', ['-e', script, ...rules], {
      input: SAMPLES['sample.cef'],
      encoding: 'utf8',
    })
    assert.equal(stderr, '')
    const found = JSON.parse(stdout) as Record<string, string>[]
    assert.deepEqual(
      found.map(({ sequence, signature, user, dest_user, object, outcome, src }) => [
        sequence,
        signature,
        user,
        dest_user,
        object,
        outcome,
        src,
      ]),
      [
        ['0', 'command-outcome', 'alice', undefined, 'drain-valve', 'verified', '10.1.2.3'],
        ['1', 'command-outcome', 'alice', undefined, 'drain-valve', 'mismatch', '10.1.2.3'],
        ['2', 'refusal', undefined, undefined, undefined, 'refused', '10.1.2.3'],
        ['3', 'trip', undefined, undefined, 'drain-valve', undefined, undefined],
        ['4', 'log-rolled-back', undefined, undefined, undefined, undefined, undefined],
        ['5', 'credential-issued', 'erika', 'olga', undefined, 'accepted', '10.1.2.3'],
        ['6', 'revocation', 'erika', 'olga', undefined, 'accepted', '10.1.2.3'],
      ],
    )
  })

  it("rename fields of CEF that the sample has, in Filebeat's words for them", () => {
    const { 'filebeat.inputs': inputs } = parse(read('elastic-cef-filebeat.yml')) as {
      'filebeat.inputs': { processors: { rename?: { fields: { from: string }[] } }[] }[]
    }
    const renamed = inputs.flatMap(({ processors }) =>
      processors.flatMap(({ rename }) => rename?.fields ?? []),
    )
    assert.equal(renamed.length, 2)
    for (const { from } of renamed) {
      const [, number] = /^cef\.extensions\.deviceCustomString(\d)$/.exec(from) ?? []
      assert.match(SAMPLES['sample.cef'], new RegExp(` cs${number}=`))
    }
  })
})
