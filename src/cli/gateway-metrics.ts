import type { DataPathStats } from "../gateway/mcp/data-path.ts";
import type { Metrics } from "../machinery/metrics.ts";

/** Registers what the gateway counts. Where it does not tell in time, its metrics are missing from that answer. */
export function gatewayMetrics(metrics: Metrics, stats: () => Promise<DataPathStats | undefined>): void {
  metrics.counterOf(
    "slipway_gateway_requests_total",
    "Requests for MCP servers by outcome: answered by the server, left by the client, failed by the server, refused by the gateway.",
    async () => {
      const found = await stats();
      if (found === undefined) return [];
      const { answered, gone, failed, refused } = found;
      return Object.entries({ answered, gone, failed, refused }).map(([outcome, value]) => ({
        labels: { outcome },
        value,
      }));
    },
  );
  metrics.counterOf(
    "slipway_gateway_deployment_requests_total",
    "Requests by deployment and class of the answer's status; gone: the client left before. Deployments that are gone are not told of.",
    async () => {
      const found = await stats();
      return (found?.deployments ?? []).flatMap(({ namespace, name, requests }) =>
        Object.entries(requests).map(([code, value]) => ({ labels: { namespace, name, code }, value })),
      );
    },
  );
  metrics.counterOf(
    "slipway_gateway_forwarded_requests_total",
    "Requests that this replica passed on to the one that leads, by result: answered, left by the client, failed on the way, refused since nobody leads. The leader counts them as its own.",
    async () => {
      const found = await stats();
      return Object.entries(found?.forwarded ?? {}).map(([result, value]) => ({ labels: { result }, value }));
    },
  );
  metrics.gauge("slipway_gateway_open", "Requests and streams for MCP servers that are open now.", async () => {
    const found = await stats();
    return found === undefined ? [] : [{ value: found.open }];
  });
  metrics.gauge(
    "slipway_gateway_sessions",
    "Sessions that the gateway keeps for clients of bridged servers.",
    async () => {
      const found = await stats();
      return found === undefined ? [] : [{ value: found.sessions }];
    },
  );
  metrics.counterOf(
    "slipway_gateway_dropped_messages_total",
    "Messages of bridged servers that reached no client, by reason: no JSON-RPC, an answer to nothing that is open, nobody whom it is for.",
    async () => {
      const found = await stats();
      return Object.entries(found?.dropped ?? {}).map(([reason, value]) => ({ labels: { reason }, value }));
    },
  );
}
