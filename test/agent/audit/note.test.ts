import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  formatVkey,
  isSignedBy,
  parseNote,
  parseVkey,
  signerFrom,
  signNote,
  verifierOf,
} from '../../../agent/audit/note.ts'

/** Published with Go's golang.org/x/mod/sumdb/note: key, text and signature by another implementation. */
const GO = {
  seed: Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1),
  name: 'PeterNeumann',
  vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  line: '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
}
const GO_SUMDB = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'

describe('signed notes', () => {
  it('are the ones that another implementation writes, byte for byte', () => {
    assert.equal(signNote(GO.text, signerFrom(GO.name, GO.seed)), `${GO.text}\n${GO.line}`)
  })

  it('have the public key line that another implementation writes', () => {
    assert.equal(formatVkey(verifierOf(signerFrom(GO.name, GO.seed))), GO.vkey)
  })

  it("read another implementation's public key and verify its note", () => {
    const verifier = parseVkey(GO.vkey)
    const note = parseNote(`${GO.text}\n${GO.line}`)
    assert.ok(verifier && note)
    assert.ok(isSignedBy(note, verifier))
  })

  it('read a public key whose base64 has plus signs', () => {
    const verifier = parseVkey(GO_SUMDB)
    assert.ok(verifier)
    assert.equal(formatVkey(verifier), GO_SUMDB)
  })

  const noKeys: [why: string, vkey: string][] = [
    ['its id is not that of its name', GO.vkey.replace('Peter', 'Petra')],
    ['its id is not that of its key', GO.vkey.replace('Rpc2', 'Rpc3')],
    ['it has no name', GO.vkey.replace('PeterNeumann', '')],
    ['it is of another type', GO.vkey.replace('+ARpc', '+AhpC')],
    ['it is short', GO.vkey.slice(0, -4)],
    ['it is empty', ''],
  ]
  for (const [why, vkey] of noKeys) {
    it(`do not take a public key when ${why}`, () => assert.equal(parseVkey(vkey), undefined))
  }

  it('are not believed after any one character was changed', () => {
    const verifier = parseVkey(GO.vkey)
    assert.ok(verifier)
    const good = `${GO.text}\n${GO.line}`
    fc.assert(
      fc.property(
        fc.nat({ max: good.length - 1 }),
        fc.constantFrom('A', 'b', '/', ' ', '\n', '='),
        (at, by) => {
          const note = parseNote(good.slice(0, at) + by + good.slice(at + 1))
          fc.pre(good[at] !== by)
          assert.ok(note === undefined || !isSignedBy(note, verifier))
        },
      ),
    )
  })

  it('pass over signatures of keys that are not known, and need one that is', () => {
    const verifier = parseVkey(GO.vkey)
    assert.ok(verifier)
    const other = signNote(GO.text, signerFrom('someone-else', Buffer.alloc(32, 1)))
    const both = parseNote(`${other}${GO.line}`)
    const alone = parseNote(other)
    assert.ok(both && alone)
    assert.ok(isSignedBy(both, verifier))
    assert.ok(!isSignedBy(alone, verifier))
  })

  it('are not made under a name that has a space or a plus sign, nor from a short seed', () => {
    for (const name of ['', 'a b', 'a+b', 'a\n']) {
      assert.throws(() => signerFrom(name, Buffer.alloc(32)), RangeError)
    }
    assert.throws(() => signerFrom('a', Buffer.alloc(31)), RangeError)
  })
})
