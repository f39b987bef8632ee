import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCheckpoint, signCheckpoint } from '../../../agent/audit/checkpoint.ts'
import { isSignedBy, signerFrom, verifierOf } from '../../../agent/audit/note.ts'

const ROOT = Buffer.alloc(32, 0xab)
const SIGNER = signerFrom('plant/gateway-1', Buffer.alloc(32, 7))
/** The example of C2SP tlog-checkpoint. */
const C2SP =
  'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n' +
  '— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n'

describe('checkpoints', () => {
  it('say origin, size and root in three lines, signed under the origin', () => {
    const note = signCheckpoint(128, ROOT, SIGNER)
    assert.match(note, /^plant\/gateway-1\n128\n[A-Za-z0-9+/]{43}=\n\n— plant\/gateway-1 [A-Za-z0-9+/]+=*\n$/)
    const read = parseCheckpoint(note)
    assert.ok(read)
    assert.deepEqual([read.origin, read.size, Buffer.from(read.root)], ['plant/gateway-1', 128, ROOT])
    assert.ok(isSignedBy(read.note, verifierOf(SIGNER)))
  })

  it("read the specification's example", () => {
    const read = parseCheckpoint(C2SP)
    assert.equal(read?.size, 20852163)
    assert.equal(read?.origin, 'example.com/behind-the-sofa')
  })

  const wrong: [why: string, text: string][] = [
    ['the size has a leading zero', C2SP.replace('\n2085', '\n02085')],
    ['the size is no number', C2SP.replace('20852163', 'many')],
    ['the size is beyond what can be counted', C2SP.replace('20852163', '9999999999999999')],
    ['the root is short', C2SP.replace('CsUYapGG', '')],
    ['the root has another text for the same bytes', C2SP.replace('jxq2I=', 'jxq2J=')],
    ['the origin is missing', C2SP.replace('example.com/behind-the-sofa\n2', '\n2')],
    ['nobody signed it', C2SP.slice(0, C2SP.indexOf('—'))],
    ['it is empty', ''],
  ]
  for (const [why, text] of wrong) {
    it(`are not read when ${why}`, () => assert.equal(parseCheckpoint(text), undefined))
  }
})
