import type { Config } from "jest";

/** ES modules through @swc/jest; every test listens on port 0, so that workers do not meet. */
const config: Config = {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2024", parser: { syntax: "typescript" } }, module: { type: "es6" }, sourceMaps: "inline" },
    ],
  },
  setupFilesAfterEnv: ["<rootDir>/test/support/secrets/watch-every-file.ts"],
  testMatch: ["<rootDir>/src/**/*.test.ts", "<rootDir>/test/**/*.test.ts"],
  testSequencer: "<rootDir>/test/support/slowest-first.ts",
  testTimeout: 30_000,
};

export default config;
