import { z } from 'zod'
import { network } from './forms.ts'

/** From where the metrics may be read without a signature: Prometheus cannot make one. */
export const metricsForm = z
  .strictObject({ allowed_networks: z.array(network).default([]) })
  .default({ allowed_networks: [] })
