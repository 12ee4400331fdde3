import { describe, expect, it } from "@jest/globals";
import { redactor } from "./redact.ts";

describe("what a tool of packages writes", () => {
  it.each([
    {
      because: "a user and a password",
      env: {},
      said: "https://me:hush@x.test/simple/y/",
      want: "https://***@x.test/simple/y/",
    },
    { because: "a token as a user", env: {}, said: "`https://hush@x.test/`", want: "`https://***@x.test/`" },
    { because: "an @ in a password", env: {}, said: "https://me:a@hush@x.test/", want: "https://***@x.test/" },
    {
      because: "a query",
      env: {},
      said: "for url (https://x.test/y?sig=hush)",
      want: "for url (https://x.test/y?***)",
    },
    {
      because: "a password of a variable, wherever it stands",
      env: { UV_INDEX_PRIVATE_PASSWORD: "hush" },
      said: "Basic hush!",
      want: "Basic ***!",
    },
    {
      because: "a password of an address, without it",
      env: { UV_INDEX_URL: "https://me:hu%2Fsh@x.test/simple" },
      said: "tried hu/sh and hu%2Fsh",
      want: "tried *** and ***",
    },
    {
      because: "nothing else",
      env: { UV_INDEX_URL: "https://x.test/simple", HOME: "/home/me" },
      said: "https://x.test/simple in /home/me@work",
      want: "https://x.test/simple in /home/me@work",
    },
  ])("loses $because", ({ env, said, want }) => {
    expect(redactor(env)(said)).toBe(want);
  });
});
