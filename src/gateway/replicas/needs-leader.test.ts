import { expect, it } from "@jest/globals";
import { seenByFollower } from "../../../test/support/mcp/replicas.ts";
import { stdioEndpoint } from "../../../test/support/mcp/stdio-processes.ts";
import { endpointAt } from "../../../test/support/mcp-gateway.ts";
import { needsLeader } from "./needs-leader.ts";

const LISTENS = endpointAt("http://10.42.0.9:8080/mcp");
const STOPPED = { ready: false, reason: "Stopped", message: "it is stopped", retryAfterSeconds: 30 } as const;

it.each([
  { because: "it listens at an address of its own", endpoint: LISTENS, want: false },
  { because: "it listens where DNS says", endpoint: endpointAt("http://files.team-a.svc/mcp"), want: false },
  { because: "it is spoken to over its pipes", endpoint: stdioEndpoint("files"), want: true },
  { because: "nobody here knows how it is reached", endpoint: seenByFollower(stdioEndpoint("files")), want: true },
  { because: "it is not ready", endpoint: { ...LISTENS, state: STOPPED }, want: true },
  { because: "it is about to change", endpoint: { ...LISTENS, changing: true as const }, want: true },
  {
    because: "a gateway keeps its sessions",
    endpoint: endpointAt("http://10.42.0.9/sse", { transport: "sse" }),
    want: true,
  },
  { because: "it listens within the leader's pod", endpoint: endpointAt("http://127.0.0.1:8080/mcp"), want: true },
  { because: "the same by IPv6", endpoint: endpointAt("http://[::1]:8080/mcp"), want: true },
  { because: "the same by name", endpoint: endpointAt("http://localhost:8080/mcp"), want: true },
])("says that the leader serves it: $want, since $because", ({ endpoint, want }) => {
  expect(needsLeader(endpoint)).toBe(want);
});
