import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { stringify } from "yaml";
import { ruleGroups } from "../support/monitoring.ts";
import { requireTool } from "../support/tool.ts";

/** Values of one series, a minute apart, in promtool's notation. */
type Inputs = Readonly<Record<string, string>>;

interface Case {
  readonly alert: string;
  readonly because: string;
  readonly series: Inputs;
  /** Whether it fires at the end of the hour. */
  readonly fires: boolean;
}

const at = (name: string, labels = "") => `${name}{job="slipway",instance="a"${labels && `,${labels}`}}`;
const LEADS: Inputs = { [at("slipway_leader")]: "1x120" };
const calls = (name: string, bad: string, good: string, rates: { bad: number; good: number }): Inputs => ({
  [at(name, bad)]: `0+${rates.bad}x120`,
  [at(name, good)]: `0+${rates.good}x120`,
});
const RECONCILES = ['controller="x",result="error"', 'controller="x",result="success"'] as const;
const REQUESTS = ['verb="get",code="503"', 'verb="get",code="200"'] as const;
const BACKEND = ['type="docker",result="BackendUnavailable"', 'type="docker",result="Success"'] as const;
const OUTCOMES = ['outcome="failed"', 'outcome="answered"'] as const;
const EXPIRY = "slipway_webhook_certificate_expiry_timestamp_seconds";

const CASES: readonly Case[] = [
  { alert: "SlipwayNoLeader", because: "nobody leads", series: { [at("slipway_leader")]: "1x30 0x90" }, fires: true },
  { alert: "SlipwayNoLeader", because: "nothing is scraped", series: {}, fires: true },
  {
    alert: "SlipwayNoLeader",
    because: "one of two leads",
    series: { ...LEADS, 'slipway_leader{job="slipway",instance="b"}': "0x120" },
    fires: false,
  },
  {
    alert: "SlipwayReconcileErrors",
    because: "half of them fail",
    series: calls("slipway_reconcile_total", ...RECONCILES, { bad: 10, good: 10 }),
    fires: true,
  },
  {
    alert: "SlipwayReconcileErrors",
    because: "few fail",
    series: calls("slipway_reconcile_total", ...RECONCILES, { bad: 1, good: 20 }),
    fires: false,
  },
  {
    alert: "SlipwayQueueNotDraining",
    because: "the leader's queue grows",
    series: { ...LEADS, [at("slipway_workqueue_depth", 'controller="x"')]: "0+5x120" },
    fires: true,
  },
  {
    alert: "SlipwayQueueNotDraining",
    because: "a replica that does not lead works on nothing",
    series: { [at("slipway_leader")]: "0x120", [at("slipway_workqueue_depth", 'controller="x"')]: "0+5x120" },
    fires: false,
  },
  {
    alert: "SlipwayQueueNotDraining",
    because: "it is long and becomes shorter",
    series: { ...LEADS, [at("slipway_workqueue_depth", 'controller="x"')]: "10000-10x120" },
    fires: false,
  },
  {
    alert: "SlipwayReconcileStuck",
    because: "one goes on and on",
    series: { [at("slipway_workqueue_longest_running_processor_seconds", 'controller="x"')]: "0+60x120" },
    fires: true,
  },
  {
    alert: "SlipwayCacheStale",
    because: "a watch is silent",
    series: { [at("slipway_informer_lag_seconds", 'resource="secrets"')]: "0+60x120" },
    fires: true,
  },
  {
    alert: "SlipwayCacheStale",
    because: "bookmarks come",
    series: { [at("slipway_informer_lag_seconds", 'resource="secrets"')]: "5 60 30 59x120" },
    fires: false,
  },
  {
    alert: "SlipwayApiThrottled",
    because: "the server answers 429",
    series: { [at("slipway_rest_client_requests_total", 'code="429"')]: "0+30x120" },
    fires: true,
  },
  {
    alert: "SlipwayApiThrottled",
    because: "its own limit holds many back",
    series: { [at("slipway_rest_client_rate_limiter_duration_seconds_sum", 'verb="get"')]: "0+600x120" },
    fires: true,
  },
  {
    alert: "SlipwayApiErrors",
    because: "a tenth fails",
    series: calls("slipway_rest_client_requests_total", ...REQUESTS, { bad: 10, good: 90 }),
    fires: true,
  },
  {
    alert: "SlipwayApiErrors",
    because: "a hundredth fails",
    series: calls("slipway_rest_client_requests_total", ...REQUESTS, { bad: 1, good: 99 }),
    fires: false,
  },
  {
    alert: "SlipwayWebhookCertificateExpires",
    because: "it ends in six days",
    series: { [at(EXPIRY)]: "518400x120" },
    fires: true,
  },
  {
    alert: "SlipwayWebhookCertificateExpires",
    because: "it has a month",
    series: { [at(EXPIRY)]: "2592000x120" },
    fires: false,
  },
  {
    alert: "SlipwayDeploymentsNotReady",
    because: "there are some in phase Error",
    series: {
      [at("slipway_deployments", 'phase="Error"')]: "2x120",
      [at("slipway_deployments", 'phase="Connected"')]: "9x120",
    },
    fires: true,
  },
  {
    alert: "SlipwayDeploymentsNotReady",
    because: "they have recovered",
    series: { [at("slipway_deployments", 'phase="Error"')]: "2x50 0x70" },
    fires: false,
  },
  {
    alert: "SlipwayProbesFailing",
    because: "a server went silent",
    series: { [at("slipway_probe_targets", 'verdict="failed"')]: "1x120" },
    fires: true,
  },
  {
    alert: "SlipwayDriftStorm",
    because: "containers go as fast as they come",
    series: { [at("slipway_drift_repairs_total", 'type="docker",what="gone"')]: "0+5x120" },
    fires: true,
  },
  {
    alert: "SlipwayDriftStorm",
    because: "one went",
    series: { [at("slipway_drift_repairs_total", 'type="docker",what="gone"')]: "0x30 1x90" },
    fires: false,
  },
  {
    alert: "SlipwayBackendErrors",
    because: "half of the calls fail",
    series: calls("slipway_backend_calls_total", ...BACKEND, { bad: 10, good: 10 }),
    fires: true,
  },
  {
    alert: "SlipwayGatewayErrors",
    because: "a tenth fails",
    series: calls("slipway_gateway_requests_total", ...OUTCOMES, { bad: 10, good: 90 }),
    fires: true,
  },
  {
    alert: "SlipwayGatewayErrors",
    because: "all are answered",
    series: calls("slipway_gateway_requests_total", ...OUTCOMES, { bad: 0, good: 90 }),
    fires: false,
  },
  {
    alert: "SlipwayAuditLost",
    because: "a line was lost",
    series: { [at("slipway_audit_lost_total")]: "0x55 1x65" },
    fires: true,
  },
  {
    alert: "SlipwayAuditLost",
    because: "none was",
    series: { [at("slipway_audit_lost_total")]: "0x120" },
    fires: false,
  },
];

it("has a case for each alert", () => {
  const alerts = ruleGroups().flatMap(({ rules }) => rules.map(({ alert }) => alert));
  const fired = new Set(CASES.filter(({ fires }) => fires).map(({ alert }) => alert));
  expect(alerts.filter((alert) => !fired.has(alert))).toEqual([]);
});

it("fires each alert when it should, and not when it should not", () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-alerts-"));
  try {
    writeFileSync(join(folder, "rules.yaml"), stringify({ groups: ruleGroups() }));
    // One world for all that goes by job, since each costs promtool a database; `absent` looks at everything.
    const [alone, together] = [CASES.filter(isOfAll), CASES.filter((each) => !isOfAll(each))];
    const tests = [...alone.map((each) => [each]), together].map((cases) => ({
      interval: "1m",
      input_series: cases.flatMap(({ series }, index) =>
        Object.entries(series).map(([name, values]) => ({ series: ofJob(name, index), values })),
      ),
      promql_expr_test: cases.map(({ alert, fires }, index) => {
        const job = isOfAll({ alert }) ? "" : `,job="${index}"`;
        return {
          expr: `count by (alertname) (ALERTS{alertname="${alert}",alertstate="firing"${job}})`,
          eval_time: "1h",
          exp_samples: fires ? [{ labels: `{alertname="${alert}"}`, value: 1 }] : [],
        };
      }),
    }));
    writeFileSync(
      join(folder, "tests.yaml"),
      stringify({ rule_files: ["rules.yaml"], evaluation_interval: "1m", tests }),
    );
    const promtool = requireTool("promtool", "prometheus");
    const said = execFileSync(promtool, ["test", "rules", "tests.yaml"], {
      cwd: folder,
      encoding: "utf8",
      stdio: "pipe",
    });
    expect(said).toContain("SUCCESS");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function isOfAll({ alert }: Pick<Case, "alert">): boolean {
  return alert === "SlipwayNoLeader";
}

function ofJob(series: string, index: number): string {
  return series.replace('job="slipway"', `job="${index}"`);
}
