import { expect, it } from "@jest/globals";
import { ask, endpointAt, startGatewayUnderTest, startServer } from "../../../test/support/mcp-gateway.ts";

it("counts requests by deployment and class, until the deployment is gone", async () => {
  await using server = await startServer((request, response) => {
    request.resume();
    response.writeHead(request.method === "GET" ? 405 : 200).end();
  });
  const state = { ready: false, reason: "Pulling", message: "", retryAfterSeconds: 2 } as const;
  const endpoints = [endpointAt(server.url), endpointAt(server.url, { name: "web", state })];
  await using gateway = await startGatewayUnderTest(endpoints);
  for (const [path, body] of [
    ["team-a/files", "{}"],
    ["team-a/files", "{}"],
    ["team-a/files", undefined],
    ["team-a/web", "{}"],
    ["team-a/nobody", "{}"],
  ] as const)
    await ask(`${gateway.url}/${path}/mcp`, body === undefined ? {} : { body });
  const web = { namespace: "team-a", name: "web", requests: { "5xx": 1 } };
  expect(gateway.dataPath.stats().deployments).toEqual([
    { namespace: "team-a", name: "files", requests: { "2xx": 2, "4xx": 1 } },
    web,
  ]);
  gateway.directory.receive([], [{ namespace: "team-a", name: "files" }]);
  expect(gateway.dataPath.stats().deployments).toEqual([web]);
});
