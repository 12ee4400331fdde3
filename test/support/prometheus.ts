import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { eventually } from "./eventually.ts";
import { freePort } from "./processes-under-test.ts";
import { requireTool } from "./tool.ts";

/** A series of an instant query's answer. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** Debian's Prometheus on loopback, which scrapes one target every second. */
export interface PrometheusUnderTest extends AsyncDisposable {
  /** @throws {Error} where the query is not understood. */
  query(expr: string): Promise<readonly Series[]>;
}

export async function startPrometheus(target: string): Promise<PrometheusUnderTest> {
  const program = requireTool("prometheus", "prometheus");
  const folder = mkdtempSync(join(tmpdir(), "slipway-prometheus-"));
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s" },
    scrape_configs: [{ job_name: "slipway", static_configs: [{ targets: [new URL(target).host] }] }],
  };
  writeFileSync(join(folder, "prometheus.yml"), stringify(config));
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = spawn(
    program,
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=${new URL(url).host}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString("utf8")).slice(-10_000);
  });
  const exited = once(child, "exit");
  const query = async (expr: string) => {
    const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expr })}`);
    const body = (await answer.json()) as { status: string; error?: string; data?: { result: Series[] } };
    if (body.status !== "success" || !body.data) throw new Error(`${expr}: ${body.error}`);
    return body.data.result;
  };
  await eventually("Prometheus has scraped", async () => (await query("up == 1")).length === 1, {
    explain: () => said,
  });
  return {
    query,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
