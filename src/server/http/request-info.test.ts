import { describe, expect, it } from "@jest/globals";
import { parseResourcePath } from "./request-info.ts";

describe("parseResourcePath", () => {
  it.each([
    { path: "/api/v1/pods", want: ["", "v1", "pods", "", "", ""] },
    { path: "/api/v1/namespaces/a/pods/b/status", want: ["", "v1", "pods", "status", "a", "b"] },
    { path: "/api/v1/namespaces/a", want: ["", "v1", "namespaces", "", "", "a"] },
    { path: "/api/v1/namespaces/a/finalize", want: ["", "v1", "namespaces", "finalize", "", "a"] },
    { path: "/apis/g.io/v1/namespaces/a/things/", want: ["g.io", "v1", "things", "", "a", ""] },
    { path: "/apis/g.io/v1/things/b", want: ["g.io", "v1", "things", "", "", "b"] },
    { path: "/apis/g.io/v1/namespaces/a/things/b%2Fc", want: ["g.io", "v1", "things", "c", "a", "b"] },
    { path: "/apis/g.io/v1/namespaces/%20/things", want: ["g.io", "v1", "things", "", " ", ""] },
  ])("takes $path apart", ({ path, want }) => {
    const found = parseResourcePath(path);
    expect(
      found && [found.group, found.version, found.resource, found.subresource, found.namespace, found.name],
    ).toEqual(want);
  });

  it.each(["/", "/api", "/api/v1", "/apis/g.io/v1", "/healthz", "/openapi/v3/apis/g.io/v1", "/api/v1/%zz"])(
    "leaves %s to others",
    (path) => expect(parseResourcePath(path)).toBeUndefined(),
  );
});
