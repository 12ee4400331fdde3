import { serveTestApi } from "./serve-test-api.ts";

/** An API server in a process of its own, for tests that kill it, without any definition of Slipway's. */
await serveTestApi([]);
