import { expect, it } from "@jest/globals";
import { DrainRequests } from "./drain-requests.ts";

it("says at once that nothing is under way", async () => {
  const requests = new DrainRequests();
  const answered = requests.ask((id) => {
    requests.over(id);
    requests.begun(id, 0);
  });
  expect(await answered).toBeUndefined();
});

it("tells of the end of what is under way, each of its own", async () => {
  const requests = new DrainRequests();
  const ids: number[] = [];
  const ask = () =>
    requests.ask((id) => {
      ids.push(id);
      requests.begun(id, 2);
    });
  const [first, second] = await Promise.all([ask(), ask()]);
  const ended: string[] = [];
  void first?.ended.then(() => ended.push("first"));
  void second?.ended.then(() => ended.push("second"));
  requests.over(ids[1] ?? 0);
  await second?.ended;
  expect(ended).toEqual(["second"]);
  requests.over(ids[0] ?? 0);
  await first?.ended;
  expect(ended).toEqual(["second", "first"]);
});

it.each([
  { because: "before it has said anything", begins: false },
  { because: "while calls are under way", begins: true },
])("takes all to be over when the thread dies $because", async ({ begins }) => {
  const requests = new DrainRequests();
  const asked = requests.ask((id) => {
    if (begins) requests.begun(id, 1);
  });
  if (begins) {
    const draining = await asked;
    requests.allOver();
    await draining?.ended;
  } else {
    requests.allOver();
    expect(await asked).toBeUndefined();
  }
});

it("waits for no thread that says nothing", async () => {
  expect(await new DrainRequests().ask(() => undefined)).toBeUndefined();
});
