import { describeDriver } from './driver.contract.ts'
import { fakeRig } from './fake-rig.ts'

describeDriver('the fake', fakeRig)
