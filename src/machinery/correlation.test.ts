import { setImmediate } from "node:timers/promises";
import { expect, it } from "@jest/globals";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { correlated, correlatedLogger } from "./correlation.ts";

it("tells the lines of each piece of work apart, through awaits and children", async () => {
  const { logger, lines } = recordingLogger();
  const own = correlatedLogger(logger);
  const child = own.child({ backend: "docker" });
  const work = (name: string) =>
    correlated({ name, reconcileID: `of ${name}` }, async () => {
      await setImmediate();
      child.warn("pulled", { layers: 3 });
    });
  await Promise.all([work("a"), work("b")]);
  own.info("idle");
  expect(lines.map(({ fields }) => fields)).toEqual([
    { backend: "docker", name: "a", reconcileID: "of a", layers: 3 },
    { backend: "docker", name: "b", reconcileID: "of b", layers: 3 },
    expect.not.objectContaining({ reconcileID: expect.anything() }),
  ]);
});

it("does not give work the fields of whatever started it", () => {
  const { logger, lines } = recordingLogger();
  correlated({ reconcileID: "1" }, () => correlated({ probe: "a/b" }, () => correlatedLogger(logger).info("asked")));
  expect(lines[0]?.fields).toEqual({ probe: "a/b" });
});
