import { describe, expect, it } from "@jest/globals";
import { type PlacesInput, processPlaces } from "./process-places.ts";

const INPUT: PlacesInput = {
  installation: "7d0c",
  dataDir: "/root/.slipway",
  isRoot: true,
  environment: { HOME: "/home/ann" },
  backend: "process",
};

describe("where processes are kept", () => {
  it("as root their homes lie outside of the data directory, in a folder that belongs to it", () => {
    const places = processPlaces(INPUT);
    expect(places.stateDirectory).toBe("/root/.slipway/processes/process/state");
    expect(places.sharedDirectory).toMatch(/^\/var\/lib\/slipway\/[0-9a-f]{16}\/process$/);
    expect(processPlaces(INPUT)).toEqual(places);
  });

  it.each([
    { because: "another data directory, a copy of the first", patch: { dataDir: "/root/copy" } },
    { because: "another installation", patch: { installation: "8e1d" } },
    { because: "another RuntimeBackend", patch: { backend: "other" } },
  ])("no two Slipways share one: $because", ({ patch }) => {
    expect(processPlaces({ ...INPUT, ...patch }).sharedDirectory).not.toBe(processPlaces(INPUT).sharedDirectory);
  });

  it("else all lies below the data directory, which is hidden from them", () => {
    expect(processPlaces({ ...INPUT, isRoot: false, dataDir: "/home/ann/.slipway" })).toEqual({
      stateDirectory: "/home/ann/.slipway/processes/process/state",
      sharedDirectory: "/home/ann/.slipway/processes/process/shared",
      hidden: ["/home/ann/.slipway"],
    });
  });

  it.each([
    {
      because: "where the XDG specification says",
      environment: { HOME: "/home/ann" },
      want: "/home/ann/.local/state/slipway/",
    },
    { because: "where the user says", environment: { XDG_STATE_HOME: "/state" }, want: "/state/slipway/" },
    { because: "not where a relative path says", environment: { HOME: "/h", XDG_STATE_HOME: "x" }, want: "/h/.local" },
  ])("without a data directory it is $because", ({ environment, want }) => {
    const places = processPlaces({ ...INPUT, isRoot: false, dataDir: undefined, environment });
    expect(places.stateDirectory.startsWith(want)).toBe(true);
  });
});
