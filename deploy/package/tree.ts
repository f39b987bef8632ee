import {
  chmodSync,
  copyFileSync,
  globSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** The files of a package, in a folder, as they will be on the gateway. */
export class Tree {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  path(file: string): string {
    const path = join(this.folder, file)
    mkdirSync(dirname(path), { recursive: true })
    return path
  }

  copy(from: string, to: string): void {
    copyFileSync(from, this.path(to))
  }

  write(file: string, text: string): void {
    writeFileSync(this.path(file), text)
  }

  /** Compressed without a name and a time in it. */
  writeCompressed(file: string, text: string): void {
    writeFileSync(this.path(file), gzipSync(text, { level: 9 }))
  }

  link(target: string, file: string): void {
    symlinkSync(target, this.path(file))
  }

  /** Gives everything the same modes and times, whatever umask and clock it was made under: programs are what `isProgram` says. */
  settle(isProgram: (file: string) => boolean, time: Date): void {
    for (const file of ['.', ...globSync('**/*', { cwd: this.folder })]) {
      const path = join(this.folder, file)
      const found = lstatSync(path)
      if (!found.isSymbolicLink()) chmodSync(path, found.isDirectory() || isProgram(file) ? 0o755 : 0o644)
    }
    // Deepest first: a folder's own time changes with what is in it.
    const all = globSync('**/*', { cwd: this.folder }).sort((a, b) => b.length - a.length)
    for (const file of [...all, '.']) lutimesSync(join(this.folder, file), time, time)
  }

  /** The regular files, sorted, and how many bytes each has. */
  files(): { file: string; bytes: number }[] {
    return globSync('**/*', { cwd: this.folder })
      .map(file => ({ file, found: lstatSync(join(this.folder, file)) }))
      .filter(({ found }) => found.isFile())
      .map(({ file, found }) => ({ file, bytes: found.size }))
      .sort((a, b) => (a.file < b.file ? -1 : 1))
  }

  read(file: string): Buffer {
    return readFileSync(join(this.folder, file))
  }
}
