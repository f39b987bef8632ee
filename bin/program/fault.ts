import { Command } from 'commander'
import type { ControlAddress, FaultOrder } from '../../simulator/control/main.ts'
import { readControl } from './simulate.ts'

/** The command `holdfast fault`; `finish` is told its exit code. */
export function faultCommand(finish: (code: number) => void): Command {
  const order = async (what: FaultOrder, options: { control: ControlAddress; json?: boolean }) => {
    const { orderFault } = await import('../../simulator/control/main.ts')
    finish(await orderFault(options.control, what, options))
  }
  const fault = new Command('fault').description('what is wrong with a simulated plant that runs')
  const add = (name: string, description: string) =>
    fault
      .command(name)
      .description(description)
      .requiredOption('--control <[host:]port>', 'where the plant serves its control port', readControl)
      .option('--json', 'print JSON')
  add('list', 'show what is wrong with it').action(options => order({ kind: 'list' }, options))
  add('set', 'make something go wrong')
    .argument('<fault>', 'stuck,element=inlet-valve (docs/SIMULATOR.md lists them all)')
    .action((text, options) => order({ kind: 'set', text }, options))
  add('clear', 'mend it')
    .argument('[kind]', 'faults of this kind alone')
    .action((of, options) => order({ kind: 'clear', of }, options))
  return fault
}
