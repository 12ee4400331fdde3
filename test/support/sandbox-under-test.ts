import { randomUUID } from "node:crypto";
import { engineAddress, engineClient } from "../../scripts/engine/engine-address.ts";
import { Label } from "../../src/api/labels.ts";
import { EngineClient } from "../../src/backends/docker/engine/engine-client.ts";
import { DockerSandboxes, type SandboxParts } from "../../src/backends/docker/sandbox/docker-sandboxes.ts";
import type { SandboxRequest } from "../../src/backends/docker/sandbox/sandbox.ts";
import { ownSandboxImage, type SandboxSettings } from "../../src/backends/docker/sandbox/sandbox-settings.ts";
import { WorkloadNetwork } from "../../src/backends/docker/workloads/network.ts";
import type { AllowedHost, Egress } from "../../src/guardrails/guardrails.ts";
import { within } from "./docker-under-test.ts";

/** The shortest that may be set: tests wait for it. */
export const HOLD_SECONDS = 5;

/** Sandboxes on a network of the machine's Engine, all of which are gone at the end. */
export class SandboxesUnderTest extends DockerSandboxes implements AsyncDisposable {
  readonly #parts: SandboxParts;

  private constructor(parts: SandboxParts) {
    super(parts);
    this.#parts = parts;
  }

  static on(network: string, settings: Partial<SandboxSettings> = {}): SandboxesUnderTest {
    const engine = new EngineClient(engineAddress(), undefined);
    const maker = { installation: randomUUID(), backend: "docker" };
    return new SandboxesUnderTest({
      engine,
      maker,
      network: new WorkloadNetwork(engine, maker, network),
      settings: {
        image: ownSandboxImage(),
        addressHoldSeconds: HOLD_SECONDS,
        dns: [],
        allowedSources: [],
        bindAddress: "127.0.0.1",
        ...settings,
      },
    });
  }

  /** Makes and starts one, by default with everything closed. Answers its container. */
  async launch(changes: Partial<SandboxRequest> & { readonly hosts?: readonly string[] } = {}): Promise<string> {
    const id = await this.create(sandboxRequest(changes), { signal: within() });
    await this.start(id, { signal: within() });
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const engine = engineClient();
    const filters = { label: [`${Label.Installation}=${this.#parts.maker.installation}`] };
    for (const { Id } of await engine.listContainers({ all: true, filters })) {
      await engine.getContainer(Id).remove({ force: true });
    }
    this.#parts.engine[Symbol.dispose]();
  }
}

/** What a deployment of its own asks for; `hosts` are what a profile would list. */
export function sandboxRequest({
  hosts,
  ...changes
}: Partial<SandboxRequest> & { readonly hosts?: readonly string[] } = {}): SandboxRequest {
  const egress: Egress = hosts ? { kind: "listed", hosts: hosts.map(allowedHost) } : { kind: "closed" };
  return {
    owner: { uid: randomUUID(), namespace: "default", name: "probe" },
    role: "current",
    hash: "v1",
    rules: { egress, ingressPorts: [8080] },
    published: undefined,
    labels: {},
    ...changes,
  };
}

/** `name`, `*.name`, `name:port`, or a CIDR. */
function allowedHost(text: string): AllowedHost {
  if (text.includes("/")) return { kind: "range", family: text.includes(":") ? 6 : 4, cidr: text, port: undefined };
  const [host = "", port] = text.split(":");
  return {
    kind: "name",
    name: host.replace(/^\*\./, ""),
    wildcard: host.startsWith("*."),
    port: port === undefined ? undefined : Number(port),
  };
}
