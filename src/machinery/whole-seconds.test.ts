import { expect, it } from "@jest/globals";
import { wholeSeconds } from "./whole-seconds.ts";

it.each([
  { because: "milliseconds are left out", time: "2026-11-21T09:00:00.999Z", text: "2026-11-21T09:00:00Z" },
  { because: "the next second is another text", time: "2026-11-21T09:00:01.000Z", text: "2026-11-21T09:00:01Z" },
  { because: "clocks jump back", time: "2026-11-21T08:59:59.500Z", text: "2026-11-21T08:59:59Z" },
  { because: "seconds before 1970 are counted down", time: "1969-12-31T23:59:59.500Z", text: "1969-12-31T23:59:59Z" },
])("writes a time as Kubernetes does: $because", ({ time, text }) => {
  expect(wholeSeconds(new Date(time))).toBe(text);
});
