import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { logs } from "../../src/cli/logs.ts";
import { startGateway } from "../../src/gateway/gateway.ts";
import type { HttpListener } from "../../src/gateway/http-listener.ts";
import { createKubeAccess } from "../../src/gateway/kube-access.ts";
import { requestUsage } from "../../src/gateway/usage-client.ts";
import { createCredentialSource } from "../../src/machinery/credentials.ts";
import { createKubeClient, type DisposableKubeClient } from "../../src/machinery/http-kube-client.ts";
import { loadKubeTarget } from "../../src/machinery/kubeconfig.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { noServers } from "../support/no-servers.ts";
import { recordingLogger } from "../support/recording-logger.ts";

/** `slipway logs` against the gateway, and the gateway against the API server's own reviews and roles. */
let api: TestApiServer;
let client: DisposableKubeClient;
let gateway: HttpListener;
const clock = new FakeClock();

beforeAll(async () => {
  api = await startTestApiServer();
  client = await createKubeClient({ kubeconfigPath: api.kubeconfig });
  gateway = await startGateway({
    listen: { host: "127.0.0.1", port: 0 },
    logs: {
      async logs(namespace, name) {
        return (async function* () {
          yield `${namespace}/${name} speaks`;
        })();
      },
    },
    usage: { usage: async () => ({ instances: 1, cpuMillis: 120, memoryBytes: undefined }) },
    access: createKubeAccess(client, clock),
    ...noServers,
    logger: recordingLogger().logger,
  });
});

afterAll(async () => {
  await gateway.close();
  client[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
});

async function read(kubeconfig: string, name: string): Promise<string> {
  const lines: string[] = [];
  const output = { write: (chunk: string | Uint8Array) => void lines.push(Buffer.from(chunk).toString()) };
  const context = { stdout: output, stderr: output, env: {}, signal: AbortSignal.timeout(20_000) };
  await logs({ name, namespace: "default", kubeconfig, gateway: gateway.url }, context);
  return lines.join("");
}

async function grant(role: string, user: string, resourceNames: string[]): Promise<void> {
  const path = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
  const meta = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name: role } };
  const rule = { apiGroups: ["slipway.dev"], resources: ["runtimedeployments/log"], verbs: ["get"], resourceNames };
  await client.request("POST", `${path}/roles`, { ...meta, kind: "Role", rules: [rule] });
  await client.request("POST", `${path}/rolebindings`, {
    ...{ ...meta, kind: "RoleBinding" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
  });
}

/** Binds one of the ClusterRoles that ship with Slipway. */
async function bind(role: string, user: string): Promise<void> {
  await client.request("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", {
    ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata: { name: `${role}-${user}` } },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
  });
}

async function authorizationOf(kubeconfig: string): Promise<string> {
  const target = await loadKubeTarget({ kubeconfigPath: kubeconfig }, {});
  const { headers } = await createCredentialSource(target, () => performance.now()).current();
  return Object.values(headers).join("");
}

describe("the log of a deployment", () => {
  it("is the administrator's to read", async () => {
    expect(await read(api.kubeconfig, "files")).toBe("default/files speaks\n");
  });

  it("is nobody's without the right, and theirs who get it, at once and no more than that", async () => {
    const alice = await api.addUser("alice");
    await expect(read(alice, "files")).rejects.toThrow('user "alice" cannot get runtimedeployments/log "files"');
    await grant("read-files", "alice", ["files"]);
    expect(await read(alice, "files")).toBe("default/files speaks\n");
    await expect(read(alice, "other")).rejects.toThrow('cannot get runtimedeployments/log "other"');
  });

  it("is out of reach within 10 s of the right's end", async () => {
    const bob = await api.addUser("bob");
    await grant("read-all", "bob", []);
    expect(await read(bob, "files")).toBe("default/files speaks\n");
    const binding = {
      group: "rbac.authorization.k8s.io",
      version: "v1",
      plural: "rolebindings",
      kind: "RoleBinding",
      namespaced: true,
    };
    await client.delete(binding, { namespace: "default", name: "read-all" });
    await clock.advance(10_000);
    await expect(read(bob, "files")).rejects.toThrow('user "bob" cannot get');
  });
});

describe("the use of a deployment", () => {
  it("is shown to who may see deployments, and not to who may only read logs", async () => {
    const authorization = await authorizationOf(await api.addUser("carol"));
    const ask = () =>
      requestUsage(
        {
          gateway: new URL(gateway.url),
          authorization,
          namespace: "default",
          name: "files",
          signal: AbortSignal.timeout(20_000),
        },
        20_000,
      );
    await grant("read-logs", "carol", ["files"]);
    await expect(ask()).rejects.toThrow('user "carol" cannot get runtimedeployments/usage "files"');
    await bind("slipway-viewer", "carol");
    expect(await ask()).toMatchObject({ instances: 1, cpuMillis: 120 });
  });
});
