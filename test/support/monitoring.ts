import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const FOLDER = join(import.meta.dirname, "../../manifests/monitoring");

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly AlertRule[];
}

/** Groups of manifests/monitoring/rules.yaml, in the form of Prometheus' own rule files. */
export function ruleGroups(): readonly RuleGroup[] {
  const { spec } = parse(readFileSync(join(FOLDER, "rules.yaml"), "utf8")) as { spec: { groups: RuleGroup[] } };
  return spec.groups;
}

export interface PanelQuery {
  readonly panel: string;
  /** With what Grafana puts in the place of its variables. */
  readonly expr: string;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** Every query of manifests/monitoring/dashboard.json, as Grafana would send it for a short range. */
export function dashboardQueries(): readonly PanelQuery[] {
  const { panels } = JSON.parse(readFileSync(join(FOLDER, "dashboard.json"), "utf8")) as { panels: Panel[] };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      panel: title,
      expr: expr.replaceAll("$__rate_interval", "15s").replaceAll("$__range", "5m").replaceAll("$job", ".*"),
    })),
  );
}

/** Names of metrics in a query, without the suffixes of a histogram's series. */
export function metricsIn(expr: string): readonly string[] {
  const names = expr.match(/\b(?:slipway|process|nodejs)_\w+/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, "")))];
}

/** Of a scrape: type by name, and the names of labels that series of it have. */
export function metricsOf(
  scrape: string,
): ReadonlyMap<string, { readonly type: string; readonly labels: Set<string> }> {
  const found = new Map<string, { type: string; labels: Set<string> }>();
  for (const [, name = "", type = ""] of scrape.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    found.set(name, { type, labels: new Set() });
  }
  for (const [, series = "", text = ""] of scrape.matchAll(/^(\w+)\{(.*)\} \S+$/gm)) {
    const metric = found.get(series) ?? found.get(series.replace(/_(bucket|sum|count)$/, ""));
    for (const [, label = ""] of text.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g))
      if (label !== "le") metric?.labels.add(label);
  }
  return found;
}
