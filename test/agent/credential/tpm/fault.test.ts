import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Unavailability } from '../../../../agent/credential/master-key.ts'
import { explain } from '../../../../agent/credential/tpm/fault.ts'
import type { ToolFailure } from '../../../../agent/credential/tpm/tool.ts'

const DEVICE = 'device:/dev/tpmrm0'

/** What the tools print, and what it means. */
const TRANSPORT: readonly [string, Unavailability, RegExp][] = [
  [
    `ERROR:tcti:x.c:452:Tss2_Tcti_Device_Init() Failed to open specified TCTI device file /dev/tpmrm0: No such file or directory
ERROR:tcti:x.c:154:tcti_from_file() Could not initialize TCTI file: device
ERROR: Could not load tcti, got: "${DEVICE}"`,
    'absent',
    /no TPM answers at device:\/dev\/tpmrm0.*firmware/,
  ],
  [
    `ERROR:tcti:x.c:452:Tss2_Tcti_Device_Init() Failed to open specified TCTI device file /dev/tpmrm0: Permission denied
ERROR: Could not load tcti, got: "${DEVICE}"`,
    'absent',
    /group tss/,
  ],
  [
    `ERROR:tcti:x.c:452:Tss2_Tcti_Device_Init() Failed to open specified TCTI device file /dev/tpm0: Device or resource busy
ERROR: Could not load tcti, got: "device:/dev/tpm0"`,
    'busy',
    /another program.*\/dev\/tpmrm0/,
  ],
  [
    `ERROR:tcti:x.c:428:Tss2_TctiLdr_Initialize_Ex() Failed to instantiate TCTI
ERROR: Could not load tcti, got: "${DEVICE}"`,
    'absent',
    /libtss2-tcti-device0/,
  ],
  [
    'ERROR: Error deserializing private structure: 0x90006\nERROR: Unable to run tpm2_load',
    'failed',
    /deserializing/,
  ],
  ['', 'failed', /no reason/],
]

const CODES: readonly [number, Unavailability][] = [
  [0x921, 'locked-out'],
  [0x99d, 'policy'],
  [0xa9d, 'policy'],
  [0x128, 'policy'],
  [0x902, 'busy'],
  [0x903, 'busy'],
  [0x922, 'busy'],
  [0x1df, 'replaced'],
  [0x9a2, 'failed'],
  [0x98e, 'failed'],
  [0x100, 'absent'],
  [0x101, 'failed'],
  [0x18b, 'failed'],
  [0x12f, 'failed'],
  [0xa000a, 'absent'],
]

describe('TPM fault', () => {
  for (const [code, reason] of CODES)
    it(`calls response code 0x${code.toString(16)} ${reason}`, () => {
      const answer = explain(failure('exit', 'ERROR:tcti: it broke\nERROR: Esys_Load(0x1)', code), {
        tcti: DEVICE,
      })
      assert.equal(answer.reason, reason)
      assert.match(answer.remedy, /^[A-Z].*\.$/)
    })

  for (const [stderr, reason, words] of TRANSPORT)
    it(`calls "${stderr.split('\n').at(0)?.slice(-60)}" ${reason}`, () => {
      const answer = explain(failure('exit', stderr), { tcti: DEVICE })
      assert.equal(answer.reason, reason)
      assert.match(`${answer.detail} ${answer.remedy}`, words)
    })

  it('says `timeout` after an abort, and names the package of a tool that is missing', () => {
    assert.equal(explain(failure('aborted', ''), { tcti: DEVICE }).reason, 'timeout')
    assert.match(explain(failure('missing', ''), { tcti: DEVICE }).remedy, /tpm2-tools/)
  })

  it('never passes on more of what a tool printed than one line', () => {
    const stderr = `ERROR: ${'a'.repeat(500)}\nERROR: second line\nERROR: Unable to run tpm2_load`
    const { detail } = explain(failure('exit', stderr, 0x1c4), { tcti: DEVICE })
    assert.match(detail, /second line$/)
    assert.ok(!detail.includes('aaa'))
  })
})

function failure(cause: ToolFailure['cause'], stderr: string, code?: number): ToolFailure {
  return { kind: 'failed', tool: 'tpm2_load', cause, code, stderr }
}
