export {
  type EspoCrmFaults,
  type EspoCrmSimulator,
  type EspoCrmSimulatorOptions,
  espoCrmSimulator,
  serveEspoCrm,
} from './espocrm/espocrm-simulator.ts'
