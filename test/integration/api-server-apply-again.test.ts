import { expect, it } from "@jest/globals";
import { ApiCaller } from "../support/api-caller.ts";
import { startTestApiServer } from "../support/api-server.ts";

const PATH = "/apis/apps/v1/namespaces/default/deployments/web?fieldManager=argo&force=true";

/** `fieldRef` is atomic, and its apiVersion a default: the apply takes away what the default brings back. */
const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: {
        containers: [
          {
            name: "web",
            image: "web:1",
            env: [{ name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
          },
        ],
      },
    },
  },
};

it("leaves an object alone, time and all, when what is there is applied again", async () => {
  // Later at each look, so that an entry written anew would have another time.
  let ms = Date.UTC(2026, 0, 1);
  const clock = {
    now: () => {
      ms += 1_000;
      return new Date(ms);
    },
    monotonicMs: () => ms,
    schedule: () => () => undefined,
  };
  await using server = await startTestApiServer({ crds: [], clock });
  await using admin = new ApiCaller(server);
  const first = await admin.patch("apply", PATH, deployment);
  const again = await admin.patch("apply", PATH, deployment);
  expect([first.status, again.status]).toEqual([201, 200]);
  expect(again.body).toEqual(first.body);
});
