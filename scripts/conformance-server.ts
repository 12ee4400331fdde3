/** What Jest is told so that the files of test/conformance share one server. */
export const CONFORMANCE_SERVER = [
  "--globalSetup=<rootDir>/test/support/conformance-setup.ts",
  "--globalTeardown=<rootDir>/test/support/conformance-teardown.ts",
];
