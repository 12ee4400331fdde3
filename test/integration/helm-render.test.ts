import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { renderChart } from "../../scripts/chart/render.ts";
import type { Values } from "../../scripts/chart/values.ts";

/** What Helm documents of its templates: https://helm.sh/docs/chart_template_guide/ */

const chart = mkdtempSync(join(tmpdir(), "slipway-chart-"));
afterEach(() => rmSync(chart, { recursive: true, force: true }));

function rendered(template: string, values: Values = {}, files: Readonly<Record<string, string>> = {}): string {
  const all = {
    "Chart.yaml": "apiVersion: v2\nname: small\nversion: 1.2.3\nappVersion: 4.5.6\n",
    "templates/_named.tpl": '{{- define "small.name" -}}{{ .Chart.Name }}-{{ .Release.Name }}{{- end }}',
    "templates/it.yaml": template,
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(chart, name)), { recursive: true });
    writeFileSync(join(chart, name), text);
  }
  return renderChart({ chart, values })["templates/it.yaml"] ?? "";
}

describe("the renderer of charts", () => {
  it.each([
    {
      because: "include answers text that can be piped",
      template: '{{ include "small.name" . | upper }}',
      gives: "SMALL-SLIPWAY",
    },
    { because: "what is missing prints nothing", template: "a{{ .Values.no.such }}b", values: { no: {} }, gives: "ab" },
    {
      because: "numbers are floats that print as integers",
      template: "{{ .Values.n }}",
      values: { n: 65532 },
      gives: "65532",
    },
    {
      because: "toYaml sorts keys and ends without a newline",
      template: "{{ toYaml .Values.m }}|",
      values: { m: { b: [1], a: "x" } },
      gives: "a: x\nb:\n- 1|",
    },
    {
      because: "fromYaml reads maps",
      template: "{{ (fromYaml .Values.t).a.b }}",
      values: { t: "a: {b: 7}" },
      gives: "7",
    },
    {
      because: "tpl renders values",
      template: "{{ tpl .Values.t . }}",
      values: { t: "{{ .Release.Namespace }}" },
      gives: "slipway-system",
    },
    { because: "nothing is found without a cluster", template: '{{ len (lookup "v1" "Secret" "a" "b") }}', gives: "0" },
    {
      because: "the chart tells of itself",
      template: "{{ .Chart.Version }} {{ .Chart.AppVersion }} {{ .Template.Name }}",
      gives: "1.2.3 4.5.6 small/templates/it.yaml",
    },
    {
      because: "the first revision is an installation",
      template: "{{ .Release.IsInstall }} {{ .Release.Revision }}",
      gives: "true 1",
    },
    {
      because: "versions can be compared",
      template: '{{ semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version }}',
      gives: "true",
    },
  ])("$because", ({ template, values, gives }) => {
    expect(rendered(template, values)).toBe(gives);
  });

  it("reads files that are no templates, and nothing of its own", () => {
    const files = { "files/a.txt": "A", "files/b.yaml": "B", "values.yaml": "x: y" };
    const template =
      '{{ .Files.Get "files/a.txt" }}{{ range $path, $_ := .Files.Glob "files/*.yaml" }}{{ $path }}{{ end }}{{ .Files.Get "values.yaml" }}';
    expect(rendered(template, {}, files)).toBe("Afiles/b.yaml");
  });

  it.each([
    { because: "a value is required", template: '{{ required "set .Values.a" .Values.a }}', says: "set .Values.a" },
    { because: "the chart refuses", template: '{{ fail "not like this" }}', says: "not like this" },
    { because: "a function is not Helm's", template: '{{ env "HOME" }}', says: 'function "env" not defined' },
    {
      because: "a template includes itself",
      template: '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}',
      says: "without end",
    },
  ])("fails when $because", ({ template, says }) => {
    expect(() => rendered(template)).toThrow(says);
  });
});
