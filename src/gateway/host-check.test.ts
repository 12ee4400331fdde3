import { expect, it } from "@jest/globals";
import { hostCheck, unknownHost } from "./host-check.ts";

it.each([
  { because: "loopback is always meant", listen: "10.0.0.1", host: "localhost:7080", want: true },
  { because: "loopback of IPv6 too", listen: "10.0.0.1", host: "[::1]", want: true },
  { because: "the address that is listened on", listen: "10.0.0.1", host: "10.0.0.1:7080", want: true },
  { because: "an IPv6 address that is listened on", listen: "fd00::1", host: "[FD00::1]:7080", want: true },
  { because: "a given name, with its dot", listen: "10.0.0.1", host: "Gateway.example.com.", want: true },
  { because: "another address", listen: "10.0.0.1", host: "10.0.0.2", want: false },
  { because: "any address where all are listened on", listen: "0.0.0.0", host: "10.0.0.2:7080", want: true },
  { because: "any address where all are listened on, IPv6", listen: "::", host: "[fd00::2]:7080", want: true },
  { because: "a name that may have been re-pointed", listen: "0.0.0.0", host: "evil.example.com", want: false },
  { because: "a name that begins like one", listen: "0.0.0.0", host: "localhost.evil.example.com", want: false },
  { because: "a name that ends like one", listen: "0.0.0.0", host: "evil-gateway.example.com", want: false },
  { because: "credentials before it", listen: "0.0.0.0", host: "evil@localhost", want: false },
  { because: "two hosts", listen: "0.0.0.0", host: "localhost, evil.example.com", want: false },
  { because: "nothing", listen: "0.0.0.0", host: "", want: false },
  { because: "no header", listen: "0.0.0.0", host: undefined, want: false },
])("$because: $host is let in: $want", ({ listen, host, want }) => {
  expect(hostCheck(listen, ["gateway.example.com"])(host)).toBe(want);
});

it.each([
  { listen: "127.0.0.1", says: "use 127.0.0.1, or have this one added" },
  { listen: "0.0.0.0", says: "use one that is, or have this one added" },
])("tells whoever used another name what to do where $listen is listened on", ({ listen, says }) => {
  const said = unknownHost("mcp.example.com", listen);
  expect(said).toContain(`Host: "mcp.example.com" is not a name of this gateway; ${says} by --gateway-host`);
});
