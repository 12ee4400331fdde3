import type { Addresses } from "./addresses.ts";

/**
 * Closed whatever a list says: addresses at which a cloud tells an instance its credentials, and what cannot be meant as
 * a place outside: unspecified, loopback that is not this network's own, link-local, IPv4 in disguise.
 */
export const NEVER: Addresses = {
  v4: [
    "0.0.0.0/8",
    "127.0.0.0/8",
    // Link-local, with 169.254.169.254 and .170.2 of AWS, Azure, Google and others.
    "169.254.0.0/16",
    // Azure's wire server, Alibaba Cloud's and Oracle Cloud's metadata.
    "168.63.129.16/32",
    "100.100.100.200/32",
    "192.0.0.192/32",
  ],
  v6: [
    "::/127",
    "::ffff:0:0/96",
    "fe80::/10",
    // Metadata of AWS and Google over IPv6.
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
    // 169.254.0.0/16 by way of NAT64 and 6to4.
    "64:ff9b::a9fe:0/112",
    "2002:a9fe::/32",
  ],
};

/**
 * Closed unless the list itself names a CIDR with them, so that a name that is re-pointed opens nothing inside: what the
 * registries for special purposes call not globally reachable, and what leads to such addresses. Ranges for
 * documentation are left out: they lead nowhere.
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry
 * @see https://www.iana.org/assignments/iana-ipv6-special-registry
 */
export const RESERVED: Addresses = {
  v4: [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    // Shared by carriers, and by overlay networks.
    "100.64.0.0/10",
    "192.0.0.0/24",
    // 6to4 relays.
    "192.88.99.0/24",
    // Benchmarking.
    "198.18.0.0/15",
    // Multicast, reserved, broadcast.
    "224.0.0.0/3",
  ],
  v6: [
    // IPv4-compatible.
    "::/96",
    // NAT64, Teredo, 6to4.
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2001::/32",
    "2002::/16",
    // Discard-only, segment routing, unique local, site-local, multicast.
    "100::/64",
    "5f00::/16",
    "fc00::/7",
    "fec0::/10",
    "ff00::/8",
  ],
};
