import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Product } from './bill-of-materials.ts'

/** Nobody answers there: `.invalid` is set aside for that (RFC 2606). Whoever gives packages to others says who they are. */
const NOBODY = 'whoever built this package <nobody@packages.invalid>'

/**
 * What is packaged, from package.json. Who answers for the package, and where it is at home, is whoever builds it: HOLDFAST_MAINTAINER,
 * `Name <address>`, and HOLDFAST_HOMEPAGE. Throws when one of them is not of that form.
 */
export function readProduct(root: string, env: NodeJS.ProcessEnv): Product {
  const { name, version, description, license } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Record<'name' | 'version' | 'description' | 'license', string>
  const maintainer = env.HOLDFAST_MAINTAINER || NOBODY
  if (!/^[^<>@,\n]+ <[^<>@\s]+@[^<>@\s]+>$/.test(maintainer))
    throw new Error(`HOLDFAST_MAINTAINER: expected "Name <address>", not "${maintainer}"`)
  const homepage = env.HOLDFAST_HOMEPAGE || undefined
  if (homepage !== undefined && !/^https?:\/\/\S+$/.test(homepage))
    throw new Error(`HOLDFAST_HOMEPAGE: expected an address that begins with https://, not "${homepage}"`)
  return {
    name,
    version,
    description,
    licence: license,
    maintainer,
    ...(homepage === undefined ? {} : { homepage }),
  }
}
