import { getEventListeners } from "node:events";
import { describe, expect, it } from "@jest/globals";
import {
  failureOf,
  refusal,
  type ScriptedCodeEngine,
  scriptedCodeEngine,
} from "../../../../test/support/code-engine-script.ts";
import type { Step } from "../../../../test/support/scripted-http.ts";
import { appSelector, buildRunSelector, type ProjectProxy, USER_CONTAINER } from "./project-proxy.ts";

const options = { signal: new AbortController().signal };
const request = { pod: "files-00001-deployment-abc", container: USER_CONTAINER };

function proxyOf({ project }: ScriptedCodeEngine): ProjectProxy {
  return project.proxy("vg67hzldruk");
}

const status = (code: number, message: string): Step => ({
  status: code,
  body: { kind: "Status", apiVersion: "v1", status: "Failure", reason: "NotFound", message, code },
});

describe("pods", () => {
  it("are those that a label selects, of all pages", async () => {
    const pod = (name: string) => ({
      metadata: { name },
      spec: { containers: [{ name: "user-container" }] },
      status: { phase: "Running" },
    });
    await using world = await scriptedCodeEngine([
      { body: { items: [pod("a")], metadata: { continue: "more" } } },
      { body: { items: [pod("b")], metadata: { continue: "" } } },
    ]);
    const pods = await Array.fromAsync(proxyOf(world).pods(appSelector("files"), options));
    expect(pods.map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
    const [first, second] = world.api.requests;
    expect(first?.path).toBe("/api/v1/namespaces/vg67hzldruk/pods");
    expect(first?.query.get("labelSelector")).toBe("serving.knative.dev/service=files");
    expect(first?.headers.authorization).toMatch(/^Bearer eyJ/);
    expect(second?.query.get("continue")).toBe("more");
    expect(buildRunSelector("b-1")).toBe("buildrun.shipwright.io/name=b-1");
  });
});

describe("a pod's log", () => {
  it("is asked for as Kubernetes wants it, and comes in lines", async () => {
    await using world = await scriptedCodeEngine([{ body: "one\ntwo" }]);
    const log = proxyOf(world).podLogs({ ...request, tailLines: 5, timestamps: true, previous: false }, options);
    expect(await Array.fromAsync(log)).toEqual(["one", "two"]);
    const { path, query } = world.api.last;
    expect(path).toBe(`/api/v1/namespaces/vg67hzldruk/pods/${request.pod}/log`);
    expect(Object.fromEntries(query)).toEqual({
      container: "user-container",
      tailLines: "5",
      timestamps: "true",
      previous: "false",
    });
  });

  it("comes as it is written, without a place of the budget, until it is left", async () => {
    const budget = { concurrent: 1, perSecond: 100, burst: 100, reserve: 0, queue: 10 };
    let closed = false;
    const slow: Step = (_request, response) => {
      response.once("close", () => {
        closed = true;
      });
      response.write("first\nsec");
    };
    await using world = await scriptedCodeEngine([slow, { body: "other\n" }], { budget });
    const log = proxyOf(world).podLogs({ ...request, follow: true }, options);
    expect(await log.next()).toEqual({ done: false, value: "first" });
    expect(await Array.fromAsync(proxyOf(world).podLogs(request, options))).toEqual(["other"]);
    await log.return();
    while (!closed) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it("ends with the reason of its signal", async () => {
    await using world = await scriptedCodeEngine([(_request, response) => void response.write("first\n")]);
    const controller = new AbortController();
    const log = proxyOf(world).podLogs({ ...request, follow: true }, { signal: controller.signal, timeoutMs: 5_000 });
    await log.next();
    const next = failureOf(log.next());
    controller.abort(new Error("enough"));
    expect(await next).toEqual(new Error("enough"));
  });

  it("outlives the time it may take to open", async () => {
    const late: Step = (_request, response) => {
      response.write("first\n");
      setTimeout(() => response.end("second\n"), 400);
    };
    await using world = await scriptedCodeEngine([late]);
    const log = proxyOf(world).podLogs({ ...request, follow: true }, { ...options, timeoutMs: 300 });
    expect(await Array.fromAsync(log)).toEqual(["first", "second"]);
  });

  it("that breaks off is an error", async () => {
    const broken: Step = (_request, response) => {
      response.write("first\n");
      setTimeout(() => response.destroy(), 20);
    };
    await using world = await scriptedCodeEngine([broken]);
    const log = proxyOf(world).podLogs({ ...request, follow: true }, options);
    expect(await log.next()).toMatchObject({ value: "first" });
    expect(await failureOf(log.next())).toMatchObject({
      kind: "transient",
      service: "The Kubernetes proxy of Code Engine",
    });
  });

  it("that is not there is told in Kubernetes' words", async () => {
    await using world = await scriptedCodeEngine([status(404, 'pods "x" not found')]);
    expect(await failureOf(proxyOf(world).podLogs(request, options).next())).toMatchObject({
      ...{ kind: "notFound", status: 404, said: 'pods "x" not found', code: "NotFound" },
    });
  });

  it("is opened again after an outage, and with a new token", async () => {
    await using world = await scriptedCodeEngine([refusal(503, "no"), status(401, "Unauthorized"), { body: "one\n" }]);
    expect(await Array.fromAsync(proxyOf(world).podLogs(request, options))).toEqual(["one"]);
    expect(world.iam.requests).toHaveLength(2);
  });

  it("leaves no listener behind, however it ends", async () => {
    await using world = await scriptedCodeEngine([{ body: "one\n" }, status(404, "gone")]);
    const { signal } = new AbortController();
    await Array.fromAsync(proxyOf(world).podLogs(request, { signal }));
    await failureOf(proxyOf(world).podLogs(request, { signal }).next());
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("of which the refusal does not end is not waited for", async () => {
    const endless: Step = (_request, response) => {
      response.writeHead(404);
      const drip = setInterval(() => response.write("x"), 10);
      response.once("close", () => clearInterval(drip));
    };
    await using world = await scriptedCodeEngine([endless]);
    const error = await failureOf(
      proxyOf(world)
        .podLogs(request, { ...options, timeoutMs: 200 })
        .next(),
    );
    expect(error).toMatchObject({ kind: "transient", code: "ETIMEDOUT" });
  });
});

describe("use of CPU and memory", () => {
  const usage = (cpu: string) => ({
    items: [
      {
        metadata: { name: "p" },
        timestamp: "2026-01-01T00:00:00Z",
        containers: [{ name: "user-container", usage: { cpu, memory: "65536Ki" } }],
      },
    ],
  });

  it("comes in vCPU and bytes", async () => {
    await using world = await scriptedCodeEngine([{ body: usage("2500000n") }]);
    const [found] = await proxyOf(world).usage(appSelector("files"), options);
    expect(found).toEqual({
      ...{ pod: "p", container: "user-container", memoryBytes: 67_108_864, at: "2026-01-01T00:00:00Z" },
      vcpu: expect.closeTo(0.0025, 9),
    });
    expect(world.api.last.path).toBe("/apis/metrics.k8s.io/v1beta1/namespaces/vg67hzldruk/pods");
  });

  it("is no guess", async () => {
    await using world = await scriptedCodeEngine([{ body: usage("much") }]);
    expect(await failureOf(proxyOf(world).usage("a=b", options))).toMatchObject({ kind: "transient" });
  });
});
