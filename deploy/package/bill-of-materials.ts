import { createHash } from 'node:crypto'
import type { Architecture } from './elf.ts'
import type { Locked } from './lock-file.ts'

export interface Product {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly licence: string
  /** Who answers for the package: `Name <address>`. */
  readonly maintainer: string
  /** Where it is at home, if anywhere. */
  readonly homepage?: string
}

/**
 * What a package is made of, as CycloneDX 1.6: every npm package in it, the Node runtime among them, with the hash of what
 * the registry serves. The same input gives the same text: its serial number is derived from its content (RFC 9562, version 8).
 */
export function billOfMaterials(
  product: Product,
  architecture: Architecture,
  packages: readonly Locked[],
  direct: readonly string[],
  made: Date,
): string {
  const root = `${product.name}@${product.version}?arch=${architecture}`
  const content = {
    metadata: {
      timestamp: made.toISOString(),
      component: {
        type: 'application',
        'bom-ref': root,
        name: product.name,
        version: product.version,
        description: product.description,
        licenses: [{ license: { id: product.licence } }],
        purl: `pkg:deb/${product.name}@${product.version}?arch=${architecture}`,
      },
    },
    components: packages.map(({ path, name, version, licence, integrity }) => ({
      type: 'library',
      'bom-ref': path,
      name,
      version,
      licenses: [/ (?:OR|AND) /.test(licence) ? { expression: licence } : { license: { id: licence } }],
      hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice(7), 'base64').toString('hex') }],
      purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    })),
    dependencies: [
      { ref: root, dependsOn: direct },
      ...packages.map(({ path, needs }) => ({ ref: path, dependsOn: needs })),
    ],
  }
  const head = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}`,
    version: 1,
  }
  return `${JSON.stringify({ ...head, ...content }, undefined, 2)}\n`
}

function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
