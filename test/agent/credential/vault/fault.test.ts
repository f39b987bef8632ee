import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { explainNoResponse } from '../../../../agent/credential/vault/fault.ts'

const PLACE = { address: 'https://vault.example:8200', mount: 'transit', key: 'holdfast', generation: 1 }

describe('a Vault that gave no answer', () => {
  const reasons: readonly (readonly [code: string, reason: string, remedy: RegExp])[] = [
    ['ENOTFOUND', 'absent', /address/],
    ['EAI_AGAIN', 'absent', /network/],
    ['EHOSTUNREACH', 'absent', /firewall/],
    ['ETIMEDOUT', 'absent', /firewall/],
    ['CERT_HAS_EXPIRED', 'failed', /clock/],
    ['CERT_NOT_YET_VALID', 'failed', /clock/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'failed', /name/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'failed', /authority/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'failed', /authority/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'failed', /authority/],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'failed', /authority/],
    ['ERR_OSSL_PEM_NO_START_LINE', 'failed', /PEM/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'failed', /TLS 1\.2/],
    ['HPE_INVALID_CONSTANT', 'failed', /address/],
  ]
  for (const [code, reason, remedy] of reasons)
    it(`is \`${reason}\` for ${code}, with what to do`, () => {
      const answer = explainNoResponse(code, PLACE)
      assert.equal(answer.reason, reason)
      assert.match(answer.remedy, remedy)
      assert.match(answer.remedy, /^[A-Z].*\.$/)
    })
})
