import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { MasterKey, MasterKeyAnswer } from '../../../../agent/credential/master-key.ts'
import { type EnrolmentAnswer, enrollTpm } from '../../../../agent/credential/tpm/enrolment.ts'
import type { TpmMode } from '../../../../agent/credential/tpm/key-record.ts'
import { openTpmMasterKey } from '../../../../agent/credential/tpm/master-key.ts'
import { recoverTpm } from '../../../../agent/credential/tpm/recovery.ts'
import { type SoftwareTpm, startTpm } from '../../../../simulator/tpm.ts'

interface Enrolment {
  readonly mode?: 'auto' | TpmMode
  readonly pcrs?: string
  readonly key?: Uint8Array
  /** Another state directory of the same host. */
  readonly state?: string
}

const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'
const ENROLLED_AT = Date.UTC(2026, 0, 2, 3, 4, 5)

/** A gateway host for a test: a software TPM, a state directory, and tools that can be made to misbehave. */
export class TpmHost implements AsyncDisposable {
  readonly tpm: SoftwareTpm
  readonly directory: string

  private constructor(tpm: SoftwareTpm, directory: string) {
    this.tpm = tpm
    this.directory = directory
  }

  static async start(): Promise<TpmHost> {
    const directory = await mkdtemp(join(tmpdir(), 'hf-host-'))
    await mkdir(join(directory, 'tools'))
    await mkdir(join(directory, 'state'))
    await mkdir(join(directory, 'work'))
    return new TpmHost(await startTpm({ dir: join(directory, 'tpm') }), directory)
  }

  get access() {
    return {
      tcti: this.tpm.tcti,
      toolPath: `${join(this.directory, 'tools')}:${SYSTEM_PATH}`,
      workRoot: join(this.directory, 'work'),
    }
  }

  path(...names: string[]): string {
    return join(this.directory, ...names)
  }

  /** Access, a state directory, a clock that stands and a deadline: what every function of the room takes. */
  options(state = 'state') {
    const clock = { wall: () => ENROLLED_AT, monotonic: () => 0, sleep: async () => undefined }
    const signal = AbortSignal.timeout(30_000)
    return {
      ...this.access,
      stateDir: this.path(state),
      pcrs: 'sha256:7',
      entropy: randomBytes,
      clock,
      signal,
    }
  }

  /** Enrols a new key, or one that is known: as a recovery on an empty disk does. */
  async enrol({
    mode = 'auto',
    pcrs = 'sha256:7',
    key,
    state = 'state',
  }: Enrolment = {}): Promise<EnrolmentAnswer> {
    const options = { ...this.options(state), mode, pcrs }
    if (!key) return await enrollTpm(options)
    const answer = await recoverTpm({ ...options, key, generation: 1 })
    return answer.kind === 'recovered' ? { ...answer, kind: 'enrolled', shares: [] } : answer
  }

  async open(state = 'state'): Promise<MasterKey> {
    return await openTpmMasterKey({ ...this.access, stateDir: this.path(state) })
  }

  /** Puts a shell script in front of one of tpm2-tools. In it, `$real` is the real one. */
  async fake(tool: string, script: string): Promise<void> {
    await writeFile(
      this.path('tools', tool),
      `#!/bin/sh\nreal=/usr/bin/${tool}\ncd '${this.directory}'\n${script}\n`,
    )
    await chmod(this.path('tools', tool), 0o755)
  }

  async mend(tool: string): Promise<void> {
    await rm(this.path('tools', tool))
  }

  /** Runs one of tpm2-tools as somebody else on this host would. */
  async tool(command: string, input = ''): Promise<{ stdout: string; stderr: string; failed: boolean }> {
    const [file = '', ...args] = command.split(' ')
    const env = { TPM2TOOLS_TCTI: this.tpm.tcti, PATH: SYSTEM_PATH }
    return await execa(file, args, { cwd: this.directory, env, extendEnv: false, reject: false, input })
  }

  /** What occupies a slot of the TPM now: `0x80000000`… objects, `0x2000000`… and `0x3000000`… sessions. */
  async occupied(): Promise<string> {
    const lists = ['handles-transient', 'handles-loaded-session', 'handles-saved-session']
    const found = await Promise.all(lists.map(list => this.tool(`tpm2_getcap ${list}`)))
    return found.map(({ stdout }) => stdout).join('')
  }

  /** Some other program's object is given a wrong password once too often. The storage root has to be there. */
  async lockOut(): Promise<void> {
    await this.tool('tpm2_dictionarylockout -s -n 1 -t 1000 -l 1000')
    await this.tool('tpm2_create -Q -C 0x81000001 -i - -p right -u other.pub -r other.priv', 'secret')
    await this.tool('tpm2_flushcontext -t')
    await this.tool('tpm2_load -Q -C 0x81000001 -u other.pub -r other.priv -c other')
    const { failed } = await this.tool('tpm2_unseal -c other -p wrong')
    assert.equal(failed, true)
    await this.tool('tpm2_flushcontext -t')
    await this.tool('tpm2_flushcontext -l')
    const { stdout } = await this.tool('tpm2_getcap properties-variable')
    assert.match(stdout, /inLockout:\s+1/)
  }

  async text(...names: string[]): Promise<string> {
    return await readFile(this.path(...names), 'latin1')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tpm[Symbol.asyncDispose]()
    await rm(this.directory, { recursive: true, force: true })
  }
}

/** A master key's answer in one word, or the mac in hexadecimal. */
export async function ask(
  master: MasterKey,
  message: string,
  signal = AbortSignal.timeout(30_000),
): Promise<string> {
  return gist(await master.hmac(Buffer.from(message), signal))
}

function gist(answer: MasterKeyAnswer): string {
  return answer.kind === 'mac' ? Buffer.from(answer.mac).toString('hex') : answer.reason
}
