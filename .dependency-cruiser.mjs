// Who may import whom. A forbidden import or a cycle fails `npm test`.
// Each rule names a package both by its folder and by its npm name, so that it holds whether or not the import can be resolved.
const plugin = '^packages/(transport|store|leads)-([^/]+)/'
const pluginFolders = '(packages/(transport|store|leads)-|@pipe-comms/(transport|store|leads)-)'
const coreRooms = '^packages/comms-core/src/'

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'plugins-know-only-core',
      comment: 'Transports, stores and lead directories import @pipe-comms/core, never each other.',
      severity: 'error',
      from: { path: plugin },
      to: { path: pluginFolders, pathNot: '^packages/$1-$2/' },
    },
    {
      name: 'simulators-know-nothing-of-ours',
      comment: 'They stand for the outside: what passes against them does not pass because both sides share a mistake.',
      severity: 'error',
      from: { path: '^packages/simulators/' },
      to: { path: '((^|/)packages/(?!simulators/)|@pipe-comms/)' },
    },
    {
      name: 'packages-know-no-applications',
      severity: 'error',
      from: { path: '^packages/', pathNot: '^packages/cli/' },
      to: { path: '(^examples/|^packages/cli/|@pipe-comms/webhook-server)' },
    },
    {
      name: 'core-knows-nobody',
      severity: 'error',
      from: { path: '^packages/comms-core/' },
      to: { path: '((^|/)packages/(?!comms-core/)|@pipe-comms/(?!core(/|$)))' },
    },
    {
      name: 'core-is-web-standard',
      severity: 'error',
      from: { path: '^packages/comms-core/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-events-are-the-ground',
      severity: 'error',
      from: { path: `${coreRooms}events/`, pathNot: '\\.test\\.ts$' },
      to: { path: `${coreRooms}(store|transport|consumers|leads|conformance|comms)` },
    },
    {
      name: 'core-store-stands-on-events',
      severity: 'error',
      from: { path: `${coreRooms}store/`, pathNot: '\\.test\\.ts$' },
      to: { path: `${coreRooms}(transport|consumers|leads|conformance|comms)` },
    },
    {
      name: 'core-transport-and-consumers-stand-on-store',
      severity: 'error',
      from: { path: `${coreRooms}(transport|consumers)/`, pathNot: '\\.test\\.ts$' },
      to: { path: `${coreRooms}(leads|conformance|comms)` },
    },
    {
      name: 'only-tests-import-the-kit',
      severity: 'error',
      from: { path: coreRooms, pathNot: '(/conformance/|\\.test\\.ts$)' },
      to: { path: `${coreRooms}conformance/` },
    },
    {
      name: 'packages-keep-out-of-each-others-rooms',
      comment: 'A package is imported by its name.',
      severity: 'error',
      from: { path: '^(packages|examples)/([^/]+)/' },
      to: { path: '^(packages|examples)/[^/]+/src/', pathNot: ['^$1/$2/', '^packages/[^/]+/src/(index|conformance/index)\\.ts$'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@pipe-comms/source', 'import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.mts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
}
