export type { GreenApiFault } from './faults.ts'
export type { GreenApiSimulatorOptions } from './options.ts'
export type { GreenApiSettings } from './settings.ts'
export { type GreenApiSimulator, type SimulatedLead, startGreenApiSimulator } from './simulator.ts'
