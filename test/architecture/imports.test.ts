import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "@jest/globals";

/** What backends are to the controllers. */
const PORTS = [
  ...["backends/backend.ts", "backends/build.ts", "backends/egress.ts"],
  ...["backends/image-resolver.ts", "backends/platform-probe.ts", "backends/usage.ts", "backends/variables.ts"],
  ...["backends/recorded-endpoint.ts", "backends/workload-endpoint.ts", "backends/stdio-stream.ts"],
];

/**
 * Which parts each part may import. Imports point inward: edges → controllers → domain → api;
 * main.ts alone chooses implementations.
 */
const allowed: Record<string, readonly string[]> = {
  api: [],
  guardrails: ["api", "machinery/errors.ts"],
  "effective-spec": [
    ...["api", "guardrails", "machinery/errors.ts"],
    ...["backends/backend.ts", "backends/build.ts", "backends/platform-probe.ts"],
  ],
  // CEL as Kubernetes has it: of the server's rules, and of policies.
  cel: ["machinery/json-equal.ts"],
  approvals: ["api", "cel", "effective-spec", "guardrails", "machinery/errors.ts", "machinery/json-equal.ts"],
  admission: ["api", "approvals", "effective-spec", "guardrails", "machinery/errors.ts", "machinery/json-equal.ts"],
  // Tell people of approvals; the controllers own the port.
  notifications: ["api", "machinery", "guardrails/address-distance.ts", "controllers/approval/notifier.ts"],
  audit: ["api", "machinery", "controllers/approval/audit.ts"],
  // Clients of gateways of others; the controllers own the port.
  "external-gateways": [
    ...["api", "machinery", "guardrails/address-distance.ts", "controllers/registration/external-gateway.ts"],
  ],
  "admission-webhook": ["admission", "approvals/people.ts", "approvals/stamp-keys.ts", "api", "machinery"],
  machinery: ["api"],
  "backends/backend.ts": [...PORTS, "guardrails", "machinery/logger.ts"],
  "backends/build.ts": ["backends/backend.ts"],
  "backends/usage.ts": ["backends/backend.ts"],
  "backends/egress.ts": ["guardrails"],
  "backends/image-resolver.ts": [],
  "backends/platform-probe.ts": [],
  "backends/variables.ts": ["backends/backend.ts"],
  "backends/recorded-endpoint.ts": ["api", "backends/workload-endpoint.ts"],
  "backends/workload-endpoint.ts": [],
  "backends/stdio-stream.ts": ["machinery/named-pipe-stream.ts"],
  // Could be published by itself.
  "backends/code-engine/client": [],
  "backends/images": [
    ...["api", "machinery/errors.ts", "machinery/judged-lookup.ts", "guardrails/address-distance.ts"],
    "backends/image-resolver.ts",
  ],
  "backends/code-engine": [
    ...["api", "guardrails", "machinery"],
    ...[...PORTS, "backends/images", "backends/code-engine/client"],
  ],
  "backends/docker": [
    ...["api", "guardrails", "machinery"],
    ...["backends/backend.ts", "backends/usage.ts", "backends/images"],
  ],
  // Another product's files, read into manifests.
  "catalog-import": ["api"],
  "backends/remote": ["api", "guardrails", "machinery/errors.ts", "backends/backend.ts"],
  "backends/process": [
    ...["api", "guardrails", "machinery"],
    ...["backends/backend.ts", "backends/stdio-stream.ts", "backends/usage.ts"],
  ],
  probe: ["machinery", "backends/workload-endpoint.ts"],
  controllers: [...["api", "approvals", "effective-spec", "guardrails", "machinery"], ...[...PORTS, "probe/prober.ts"]],
  server: [
    ...["api", "cel", "machinery/logger.ts", "machinery/clock.ts", "machinery/fifo.ts", "machinery/whole-seconds.ts"],
    ...["machinery/metrics.ts", "machinery/process-metrics.ts", "machinery/certificate-authority.ts"],
  ],
  // Traces to where OpenTelemetry's variables say; the composition roots of both threads load it.
  telemetry: ["machinery"],
  gateway: [
    "telemetry/start-tracing.ts",
    ...["api", "machinery", "guardrails/address-distance.ts", "guardrails/address-range.ts"],
    ...["backends/recorded-endpoint.ts", "backends/workload-endpoint.ts", "backends/stdio-stream.ts"],
  ],
  // A client of the servers behind any gateway: it knows neither the API nor how a gateway is made.
  "mcp-client": [],
  cli: [
    ...["api", "machinery", "effective-spec", "guardrails", "approvals", "admission", "admission-webhook"],
    ...[
      "notifications",
      "audit",
      "external-gateways",
      "controllers",
      "server",
      "gateway",
      "mcp-client",
      "probe",
      "backends",
      "catalog-import",
      "telemetry",
    ],
  ],
  "main.ts": ["cli"],
};

/** Packages that only the named parts may know. */
const reserved: { package: RegExp; only: RegExp }[] = [
  { package: /^dockerode$/, only: /^backends\/docker\// },
  { package: /^ibm-cloud-sdk-core$/, only: /^backends\/code-engine\/client\// },
  { package: /^@kubernetes\//, only: /^machinery\// },
  { package: /^@modelcontextprotocol\//, only: /^(probe|gateway|mcp-client)\// },
  { package: /^@opentelemetry\//, only: /^telemetry\// },
  { package: /^winston$/, only: /^cli\// },
  { package: /^nodemailer$/, only: /^notifications\// },
  { package: /^rotating-file-stream$/, only: /^cli\// },
  { package: /^commander$/, only: /^(cli\/|main\.ts)/ },
  { package: /^node:sqlite$/, only: /^server\/storage\// },
  { package: /^node:child_process$/, only: /^backends\/process\// },
  {
    package: /^(node:(net|tls|https?|dgram)|undici)$/,
    only: /^(machinery|server|admission-webhook|gateway|mcp-client|probe|backends|notifications|external-gateways)\/|^cel\/library-network\.ts$/,
  },
  { package: /^(re2js|@marcbachmann\/cel-js(\/.*)?)$/, only: /^(cel|server)\// },
];

const files = globSync("src/**/*.ts").map((file) => file.slice("src/".length));
const sources = files.filter((file) => !file.endsWith(".test.ts"));

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join("src", file), "utf8");
  const pattern =
    /(?:^|\n)\s*(import|export)\s+(type\s)?[^;"']*?from\s+"([^"]+)"|import\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s+"([^"]+)"/g;
  return [...text.matchAll(pattern)].map((match) => ({
    from: file,
    to: match[3] ?? match[4] ?? match[5] ?? "",
    typeOnly: match[2] !== undefined,
  }));
}

function partOf(file: string): string | undefined {
  return Object.keys(allowed)
    .filter((part) => file === part || file.startsWith(`${part}/`))
    .sort((a, b) => b.length - a.length)[0];
}

const imports = sources.flatMap(importsOf);

describe("imports", () => {
  it("sees the imports that it judges", () => {
    expect(imports.length).toBeGreaterThan(100);
  });

  it("knows every part of the source tree", () => {
    expect(sources.filter((file) => partOf(file) === undefined)).toEqual([]);
  });

  it("point inward", () => {
    const offenders = imports
      .filter(({ to }) => to.startsWith("."))
      .map(({ from, to }) => ({ from, to: normalize(join(dirname(from), to)) }))
      .filter(({ from, to }) => {
        const part = partOf(from) ?? "";
        if (partOf(to) === part) return false;
        return !(allowed[part] ?? []).some((target) => to === target || to.startsWith(`${target}/`));
      })
      .map(({ from, to }) => `${from} → ${to}`);
    expect(offenders).toEqual([]);
  });

  it("keep SDKs and sockets in their own folders", () => {
    const offenders = imports
      .filter(
        ({ from, to, typeOnly }) =>
          !typeOnly && reserved.some((rule) => rule.package.test(to) && !rule.only.test(from)),
      )
      .map(({ from, to }) => `${from} → ${to}`);
    expect(offenders).toEqual([]);
  });

  it("have no default exports and no shared junk drawers", () => {
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|misc)(\.ts|\/)/.test(file))).toEqual([]);
  });
});
