import { describe, expect, it } from "@jest/globals";
import { type KindSchema, objectSchema } from "../../src/api/v1alpha1/kind-schema.ts";
import { runtimeBackendSchema } from "../../src/api/v1alpha1/runtime-backend.schema.ts";
import { runtimeDeploymentSchema } from "../../src/api/v1alpha1/runtime-deployment.schema.ts";
import { compileSchema } from "../../src/server/schema/compiled-schema.ts";

function problemsOf(kind: KindSchema): (spec: object) => string[] {
  const schema = compileSchema(objectSchema(kind));
  return (spec) => {
    const { kind: name } = kind.names;
    const object = { apiVersion: "slipway.dev/v1alpha1", kind: name, metadata: { name: "a" }, spec };
    schema.applyDefaults(object);
    return schema.validate(object).map(({ path, message }) => `${path} ${message}`);
  };
}

describe("a RuntimeBackend of type remote", () => {
  const problems = problemsOf(runtimeBackendSchema);
  const allowing = (...allowedCidrs: string[]) => ({ type: "remote", remote: { allowedCidrs } });

  it.each<{ because: string; spec: object }>([
    { because: "nothing but its type", spec: { type: "remote" } },
    { because: "an empty section", spec: { type: "remote", remote: {} } },
    { because: "ranges of both families", spec: allowing("10.0.0.0/8", "127.0.0.1/32", "fd00::/8", "::1/128") },
  ])("takes $because", ({ spec }) => {
    expect(problems(spec)).toEqual([]);
  });

  it.each<{ because: string; spec: object; says: string }>([
    { because: "an address without a prefix", spec: allowing("10.0.0.1"), says: "must be a CIDR" },
    { because: "a name", spec: allowing("localhost"), says: "must be a CIDR" },
    { because: "a leading zero", spec: allowing("010.0.0.0/8"), says: "must be a CIDR" },
    { because: "the same twice", spec: allowing("10.0.0.0/8", "10.0.0.0/8"), says: "Duplicate value" },
    {
      because: "ranges of another type's",
      spec: { type: "docker", remote: {} },
      says: "remote belongs to type remote; remove it",
    },
  ])("refuses $because", ({ spec, says }) => {
    expect(problems(spec).join("\n")).toContain(says);
  });
});

describe("spec.source.remote", () => {
  const problems = problemsOf(runtimeDeploymentSchema);
  const remote = (url: string, ...headers: object[]) => ({ source: { remote: { url, headers } }, transport: {} });
  const URL_OK = "https://mcp.example.com/mcp";
  const secretKeyRef = { name: "s", key: "k" };

  it.each<{ because: string; spec: object }>([
    { because: "a URL", spec: remote(URL_OK) },
    { because: "a query", spec: remote(`${URL_OK}?tenant=1`) },
    { because: "a port and no path", spec: remote("http://127.0.0.1:8080") },
    { because: "an address of IPv6", spec: remote("http://[::1]:8080/mcp") },
    {
      because: "headers",
      spec: remote(URL_OK, { name: "Authorization", valueFrom: { secretKeyRef } }, { name: "X-A", value: "b" }),
    },
  ])("takes $because", ({ spec }) => {
    expect(problems(spec)).toEqual([]);
  });

  it.each<{ because: string; spec: object; says: string }>([
    { because: "a password", spec: remote("https://me:pw@mcp.example.com/"), says: "without user, password" },
    { because: "a fragment", spec: remote(`${URL_OK}#a`), says: "without user, password" },
    { because: "a file", spec: remote("file:///etc/passwd"), says: "must be http://HOST/PATH" },
    {
      because: "a header of MCP's own",
      spec: remote(URL_OK, { name: "Mcp-Session-Id", value: "x" }),
      says: "is set by",
    },
    { because: "a Host", spec: remote(URL_OK, { name: "HOST", value: "x" }), says: "is set by the gateway" },
    { because: "a line break", spec: remote(URL_OK, { name: "X-A", value: "b\r\nX-C: d" }), says: "should match" },
    { because: "no value", spec: remote(URL_OK, { name: "X-A" }), says: "exactly one of value and valueFrom" },
    {
      because: "two values",
      spec: remote(URL_OK, { name: "X-A", value: "b", valueFrom: { secretKeyRef } }),
      says: "exactly one of value and valueFrom",
    },
  ])("refuses $because", ({ spec, says }) => {
    expect(problems(spec).join("\n")).toContain(says);
  });
});
