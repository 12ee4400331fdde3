import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import { formatKey } from "../../api/meta.ts";
import { REQUESTERS_ANNOTATION, type RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { ApiError, ApiUnreachable } from "../../machinery/client.ts";
import { AdmissionWatch } from "./admission-watch.ts";

const KEY = { namespace: "team-a", name: "files" };

/** An API server that does with a dry run what the test says. */
function world(answer: (sent: RuntimeDeployment) => RuntimeDeployment = stamped) {
  const clock = new FakeClock();
  const found = {
    clock,
    tries: 0,
    enqueued: [] as string[],
    keys: 0,
    answer,
    failKey: 0,
    watch: undefined as unknown as AdmissionWatch,
  };
  found.watch = new AdmissionWatch({
    async dryRun(sent) {
      found.tries++;
      return found.answer(sent as RuntimeDeployment);
    },
    async ensureKey() {
      found.keys++;
      if (found.failKey-- > 0) throw new Error("no namespace");
    },
    enqueue: (key) => void found.enqueued.push(formatKey(key)),
    clock,
    logger: recordingLogger().logger,
  });
  return found;
}

function stamped(sent: RuntimeDeployment): RuntimeDeployment {
  return { ...sent, metadata: { ...sent.metadata, annotations: { [REQUESTERS_ANNOTATION]: "by admission" } } };
}

const refused = () => {
  throw new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "no",
    reason: "Forbidden",
    code: 403,
  });
};
const away = () => {
  throw new ApiUnreachable("no answer");
};

describe("whether admission is asked", () => {
  it.each([
    { because: "the forged name was replaced", answer: stamped, kind: "works" },
    { because: "the forged name came back", answer: (sent: RuntimeDeployment) => sent, kind: "missing" },
    {
      because: "the annotation was taken off",
      answer: (sent: RuntimeDeployment) => ({ ...sent, metadata: { ...sent.metadata, annotations: {} } }),
      kind: "missing",
    },
    { because: "the dry run is refused", answer: refused, kind: "missing" },
    { because: "nobody answers, and nothing is known", answer: away, kind: "missing" },
  ])("$kind, since $because; who asked is called back", async ({ answer, kind }) => {
    const { watch, clock, enqueued } = world(answer);
    expect(watch.state(KEY).kind).toBe("unknown");
    await clock.advance(0);
    expect(enqueued).toEqual(["team-a/files"]);
    expect(watch.state(KEY).kind).toBe(kind);
  });

  it("is tried once a minute for all that wait, and never while nobody does", async () => {
    const found = world();
    await found.clock.advance(600_000);
    expect(found.tries).toBe(0);
    for (let at = 0; at < 600; at++) {
      for (const name of ["a", "b", "c"]) found.watch.state({ namespace: "team-a", name });
      await found.clock.advance(1_000);
    }
    expect(found.tries).toBe(10);
    expect(found.clock.pending).toBe(0);
  });

  it("is noticed within a minute when it ends, and when it comes back", async () => {
    const found = world();
    const look = async () => {
      found.watch.state(KEY);
      await found.clock.advance(0);
      return found.watch.state(KEY).kind;
    };
    expect(await look()).toBe("works");
    found.answer = (sent) => sent;
    await found.clock.advance(60_000);
    expect(await look()).toBe("missing");
    found.answer = stamped;
    await found.clock.advance(60_000);
    expect(await look()).toBe("works");
  });

  it("stays as it was known while nobody answers, but not for long", async () => {
    const found = world();
    found.watch.state(KEY);
    await found.clock.advance(60_000);
    found.answer = away;
    found.watch.state(KEY);
    await found.clock.advance(0);
    expect(found.watch.state(KEY).kind).toBe("works");
    await found.clock.advance(180_000);
    found.watch.state(KEY);
    await found.clock.advance(0);
    expect(found.watch.state(KEY).kind).toBe("missing");
  });
});

describe("the key of the stamps", () => {
  it("is made at the start, and again and again where that fails", async () => {
    const found = world();
    found.failKey = 2;
    const stop = new AbortController();
    const ended = found.watch.run(stop.signal);
    await found.clock.advance(10_000);
    expect(found.keys).toBe(3);
    stop.abort();
    await ended;
  });
});
