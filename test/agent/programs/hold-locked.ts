import Database from 'better-sqlite3'

// Holds an audit log locked against everybody else who writes, from `locked` on standard output until standard input ends.
const [path = '', mode = ''] = process.argv.slice(2)
const database = new Database(path, { fileMustExist: true, timeout: 10_000 })
database.exec(`BEGIN ${mode}`)
process.stdout.write('locked\n')
process.stdin.resume().on('end', () => {
  database.exec('ROLLBACK')
  database.close()
})
