import { expect, it } from "@jest/globals";
import type { RuntimeDeployment, RuntimeDeploymentStatus } from "../api/v1alpha1/index.ts";
import { recordedEndpoint } from "./recorded-endpoint.ts";

const OWN = "http://127.0.0.1:32768/mcp";
const PUBLIC = "http://gateway.test/team-a/files/mcp";
const RUNS = { id: "c-1", startedAt: "2026-01-01T00:00:00Z", generation: 3 };
const HTTP = { ...RUNS, transport: "streamable-http", endpoint: OWN } as const;
const found = { kind: "http", transport: "streamable-http", url: OWN, instance: "c-1@2026-01-01T00:00:00Z" };

it.each<{
  because: string;
  transport?: RuntimeDeployment["spec"]["transport"];
  status: RuntimeDeploymentStatus;
  want: object | undefined;
}>([
  { because: "it listens", status: { url: PUBLIC, workload: HTTP }, want: found },
  {
    because: "a newer spec names another transport, which what runs does not speak",
    transport: { type: "sse", port: 1 },
    status: { url: PUBLIC, workload: HTTP },
    want: found,
  },
  {
    because: "of stdio a status cannot tell",
    status: { url: PUBLIC, workload: { ...RUNS, transport: "stdio" } },
    want: undefined,
  },
  {
    because: "of somebody else's server neither",
    status: { url: PUBLIC, workload: { ...RUNS, transport: "streamable-http" } },
    want: undefined,
  },
  { because: "nothing runs", status: { workload: { hostPort: 1 } }, want: undefined },
  { because: "nobody has looked", status: {}, want: undefined },
  {
    because: "it was written before there was a gateway",
    transport: { type: "sse", port: 1 },
    status: { url: OWN, workload: RUNS },
    want: { ...found, transport: "sse" },
  },
  {
    because: "its spec lets credentials through",
    transport: { type: "streamable-http", port: 1, forwardAuthorization: true },
    status: { workload: HTTP },
    want: { ...found, forwardAuthorization: true },
  },
  {
    because: "a newer spec lets credentials through, which is not what runs",
    transport: { type: "streamable-http", port: 1, forwardAuthorization: true },
    status: { workload: { ...HTTP, generation: 2 } },
    want: found,
  },
])("reads where it listens: $because", ({ transport, status, want }) => {
  const metadata = { name: "files", namespace: "team-a", uid: "u", generation: 3 };
  expect(recordedEndpoint({ metadata, spec: { transport }, status } as RuntimeDeployment)).toEqual(want);
});
