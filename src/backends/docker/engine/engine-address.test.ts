import { describe, expect, it } from "@jest/globals";
import { parseEngineAddress } from "./engine-address.ts";

const tls = { ca: "ca", cert: "cert", key: "key" };

describe("parseEngineAddress", () => {
  it.each([
    { host: "unix:///var/run/docker.sock", tls: undefined, want: { kind: "unix", path: "/var/run/docker.sock" } },
    { host: "tcp://10.0.0.5:2376", tls, want: { kind: "tcp", host: "10.0.0.5", port: 2376, tls: true } },
    { host: "tcp://engine.example", tls, want: { kind: "tcp", host: "engine.example", port: 2376, tls: true } },
    { host: "https://engine.example:443", tls, want: { kind: "tcp", host: "engine.example", port: 443, tls: true } },
    { host: "tcp://127.0.0.1", tls: undefined, want: { kind: "tcp", host: "127.0.0.1", port: 2375, tls: false } },
    { host: "tcp://[::1]:5000", tls: undefined, want: { kind: "tcp", host: "::1", port: 5000, tls: false } },
    { host: "tcp://localhost:1", tls: undefined, want: { kind: "tcp", host: "localhost", port: 1, tls: false } },
  ])("reads $host", ({ host, tls: secret, want }) => {
    expect(parseEngineAddress(host, secret)).toEqual({ text: host, ...want });
  });

  it.each([
    { because: "its API gives root to the whole network", host: "tcp://10.0.0.5:2375", says: /tlsSecretRef/ },
    { because: "127.example.com is not loopback", host: "tcp://127.example.com:2375", says: /tlsSecretRef/ },
    { because: "a relative socket is somewhere else each time", host: "unix://docker.sock", says: /absolute path/ },
    { because: "ssh would run the CLI of somebody", host: "ssh://host", says: /unix:.*tcp:/ },
    { because: "a path is no part of an Engine's address", host: "tcp://127.0.0.1:1/x", says: /only a host/ },
    { because: "it is empty", host: "", says: /unix:.*tcp:/ },
  ])("refuses $host: $because", ({ host, says }) => {
    expect(() => parseEngineAddress(host, undefined)).toThrow(says);
    expect(() => parseEngineAddress(host, undefined)).toThrow(expect.objectContaining({ reason: "InvalidSpec" }));
  });
});
