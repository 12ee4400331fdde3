import type { Directory } from "../../src/gateway/directory.ts";
import type { UseAccess } from "../../src/gateway/mcp/use-access.ts";
import { type Clock, systemClock } from "../../src/machinery/clock.ts";

/** The parts of a gateway that MCP servers need, for tests of the rest of it. */
export const noServers: { directory: Directory; useAccess: UseAccess; clock: Clock } = {
  directory: { get: () => undefined, list: () => [], onChange: () => () => undefined, hasSynced: () => true },
  useAccess: { authenticate: async () => undefined, mayUse: async () => false },
  clock: systemClock,
};
