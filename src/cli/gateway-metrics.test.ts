import { expect, it } from "@jest/globals";
import { Metrics } from "../machinery/metrics.ts";
import { gatewayMetrics } from "./gateway-metrics.ts";

it.each([
  {
    because: "it tells",
    stats: {
      ...{ answered: 3, gone: 1, failed: 0, refused: 2, open: 4, sessions: 5 },
      deployments: [{ namespace: "team-a", name: "files", requests: { "2xx": 8, gone: 1 } }],
      forwarded: { answered: 8, gone: 0, failed: 0, refused: 9 },
      dropped: { InvalidLine: 0, LateAnswer: 6, Unattributed: 7, Unread: 0 },
    },
    want: [
      'slipway_gateway_requests_total{outcome="answered"} 3',
      'slipway_gateway_requests_total{outcome="refused"} 2',
      'slipway_gateway_deployment_requests_total{namespace="team-a",name="files",code="2xx"} 8',
      'slipway_gateway_forwarded_requests_total{result="refused"} 9',
      "slipway_gateway_open 4",
      "slipway_gateway_sessions 5",
      'slipway_gateway_dropped_messages_total{reason="LateAnswer"} 6',
    ],
  },
  { because: "it does not tell in time", stats: undefined, want: [] },
])("holds what the gateway counts where $because", async ({ stats, want }) => {
  const metrics = new Metrics();
  gatewayMetrics(metrics, async () => stats);
  const text = await metrics.render();
  expect(text.split("\n")).toEqual(expect.arrayContaining(want));
  if (stats === undefined) expect(text).not.toMatch(/^slipway/m);
});
