import { auditVerify } from '../../../../agent/audit/verify-main.ts'

process.exitCode = await auditVerify(JSON.parse(process.argv[2] ?? ''))
