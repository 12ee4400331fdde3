import { describe, expect, it } from "@jest/globals";
import { objectSchema } from "../../src/api/v1alpha1/kind-schema.ts";
import { mcpGatewaySchema } from "../../src/api/v1alpha1/mcp-gateway.schema.ts";
import { compileSchema } from "../../src/server/schema/compiled-schema.ts";

const schema = compileSchema(objectSchema(mcpGatewaySchema));

function problems(patch: object): string[] {
  const spec = {
    ...{ type: "contextforge", url: "https://forge.test/in" },
    tokenSecretRef: { namespace: "slipway-system", name: "forge", key: "token" },
    ...patch,
  };
  const gateway = { apiVersion: "slipway.dev/v1alpha1", kind: "McpGateway", metadata: { name: "forge" }, spec };
  schema.applyDefaults(gateway);
  return schema
    .validate(gateway)
    .filter(({ message }) => !/some validation rules were not checked/.test(message))
    .map(({ path, message }) => `${path} ${message}`);
}

describe("an McpGateway", () => {
  it.each([
    { because: "little is enough", patch: {} },
    { because: "a team has an ID", patch: { visibility: "team", teamId: "a1" } },
    { because: "tags are those of the gateway", patch: { tags: ["prod", "eu-1", "v2.0", "team:a", "slipway"] } },
    { because: "a minute is the least", patch: { refreshIntervalSeconds: 60 } },
    { because: "it may be in the same cluster", patch: { url: "http://forge.tools.svc:4444" } },
  ])("is taken where $because", ({ patch }) => {
    expect(problems(patch)).toEqual([]);
  });

  it.each([
    { because: "the type is another", patch: { type: "other" }, says: /^spec\.type/ },
    { because: "a URL has credentials", patch: { url: "https://me:pw@forge.test" }, says: /^spec\.url/ },
    { because: "a URL has a query", patch: { url: "https://forge.test?a=b" }, says: /^spec\.url/ },
    { because: "a URL is a file", patch: { url: "file:///etc/passwd" }, says: /^spec\.url/ },
    {
      because: "a URL for servers has a query",
      patch: { serverBaseUrl: "https://m.test?a" },
      says: /^spec\.serverBaseUrl/,
    },
    { because: "a Secret has no namespace", patch: { tokenSecretRef: { name: "a", key: "b" } }, says: /namespace/ },
    { because: "a team has no ID", patch: { visibility: "team" }, says: /teamId.*visibility team needs a teamId/ },
    { because: "a tag is Slipway's own", patch: { tags: ["slipway:uid:1"] }, says: /tags.*Slipway's own/ },
    { because: "a tag would be dropped", patch: { tags: ["a/b"] }, says: /^spec\.tags/ },
    { because: "less than a minute is refused there", patch: { refreshIntervalSeconds: 59 }, says: /^spec\.refresh/ },
  ])("is refused where $because", ({ patch, says }) => {
    expect(problems(patch)).toEqual([expect.stringMatching(says)]);
  });
});
