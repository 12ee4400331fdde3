#!/bin/sh
# Process 1 of a sandbox: closes the network, then becomes the resolver. What it loads was written by the controller, in
# environment variables (RULES_0, RULES_1 and so on, since one holds 128 KiB at most); it decides nothing itself.
set -eu

# By the stream that the resolver uses, too: what comes by two has no order.
say() {
  echo "slipway-sandbox: $*" >&2
}

# unpack NAME FILE: writes what NAME_0, NAME_1 and so on hold, and takes them out of the environment.
unpack() {
  : >"$2"
  piece=0
  while eval "[ -n \"\${$1_$piece+set}\" ]"; do
    eval "printf %s \"\$$1_$piece\"" >>"$2"
    unset "$1_$piece"
    piece=$((piece + 1))
  done
}

# nft -f loads a file as a whole or not at all. Two things are known only here: the Engine's name servers, and its address on
# a network of which it tells only the subnet, where its port proxy comes from (a little-endian number).
unpack RULES /run/rules.nft
while read -r _ destination gateway _; do
  [ "$destination" = 00000000 ] || continue
  gateway=$((0x$gateway))
  gateway=$((gateway & 255)).$((gateway >> 8 & 255)).$((gateway >> 16 & 255)).$((gateway >> 24 & 255))
  echo "add element inet slipway sources4 { $gateway }" >>/run/rules.nft
done </proc/net/route
servers=
while read -r keyword address _; do
  case $keyword:$address in
  nameserver:*[!0-9.]*) ;;
  nameserver:*.*.*.*)
    servers="$servers $address"
    echo "add element inet slipway nameservers { $address }" >>/run/rules.nft
    ;;
  esac
done </etc/resolv.conf
nft -f /run/rules.nft
: >/run/rules.nft
say "nameservers$servers"

# The resolver's user exists only here, with a number that no image knows.
read -r _ outside count </proc/self/uid_map
if [ "$outside" != 0 ] || [ "$count" -le "$RESOLVER_UID" ]; then
  say "unsupported: the Engine runs containers in a user namespace, which has no user $RESOLVER_UID"
  exit 1
fi
echo "resolver:x:$RESOLVER_UID:$RESOLVER_UID::/:" >/run/passwd
echo "resolver:x:$RESOLVER_UID:" >/run/group

# All but the first go to the background once they listen.
unpack RESOLVER /run/resolver.conf
for view in EXACT BELOW; do
  unpack "$view" "/run/$view.conf"
  [ ! -s "/run/$view.conf" ] || dnsmasq --conf-file="/run/$view.conf" --pid-file="/run/$view.pid"
done

views_run() {
  for file in /run/*.pid; do
    [ ! -e "$file" ] || { read -r pid <"$file" && [ -d "/proc/$pid" ]; } || return 1
  done
}

# Once more, should it have met the resolver at work.
flush() {
  nft -f "$1" || { sleep 1 && nft -f "$1"; }
}

# Empties the sets in turn. Without it addresses would stay open too long: should it end, all ends and is started anew.
rotate() {
  trap 'kill 1' EXIT
  trap exit TERM
  while sleep "$HOLD_SECONDS" && flush /run/flush-a.nft && sleep "$HOLD_SECONDS" && flush /run/flush-b.nft; do
    views_run || exit
  done
}
unpack FLUSH_A /run/flush-a.nft
unpack FLUSH_B /run/flush-b.nft
[ ! -s /run/flush-a.nft ] || rotate &

# It says "started" once it listens, and ends at once at SIGTERM.
exec dnsmasq --keep-in-foreground --conf-file=/run/resolver.conf
