import { describe, expect, it } from "@jest/globals";
import { negotiate } from "./accept.ts";

describe("negotiate", () => {
  it.each([
    { accept: "", want: { format: "json", as: undefined } },
    { accept: "application/vnd.kubernetes.protobuf,application/json", want: { format: "json", as: undefined } },
    { accept: "application/yaml", want: { format: "yaml", as: undefined } },
    { accept: "application/xml, application/json;q=0.5", want: { format: "json", as: undefined } },
    {
      accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
      want: { format: "json", as: "Table", version: "v1" },
    },
    {
      accept: "application/json;as=Table;v=v9;g=meta.k8s.io,application/json",
      want: { format: "json", as: undefined },
    },
  ])("answers '$accept'", ({ accept, want }) => {
    expect(negotiate(accept)).toMatchObject(want);
  });

  it.each(["application/xml", "text/html", "application/vnd.kubernetes.protobuf"])("refuses %s", (accept) => {
    expect(() => negotiate(accept)).toThrow("only the following media types are accepted");
  });
});
