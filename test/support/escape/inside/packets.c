#define _GNU_SOURCE
#include "answer.h"
#include "attempts.h"
#include "socket.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPLY_MS = 1500, SOURCE_PORT = 40123 };

void attempt_raw(char **args) {
  (void)args;
  if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0) refused("raw socket");
  answer(true, "a raw socket");
}

struct interface {
  int index;
  unsigned char mac[ETH_ALEN];
  struct in_addr address;
};

/* The one that is not loopback. */
static struct interface own_interface(void) {
  struct interface found = {0};
  struct ifaddrs *all;
  if (getifaddrs(&all) < 0) refused("interfaces");
  for (struct ifaddrs *each = all; each; each = each->ifa_next) {
    if (each->ifa_addr == NULL || each->ifa_flags & IFF_LOOPBACK) continue;
    if (each->ifa_addr->sa_family == AF_INET) found.address = ((struct sockaddr_in *)each->ifa_addr)->sin_addr;
    if (each->ifa_addr->sa_family != AF_PACKET) continue;
    const struct sockaddr_ll *link = (struct sockaddr_ll *)each->ifa_addr;
    found.index = link->sll_ifindex;
    memcpy(found.mac, link->sll_addr, ETH_ALEN);
  }
  freeifaddrs(all);
  return found;
}

static uint16_t checksum(const void *data, size_t length) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < length; i += 2) sum += (uint32_t)(((const uint8_t *)data)[i] << 8 | ((const uint8_t *)data)[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return htons((uint16_t)~sum);
}

struct __attribute__((packed)) frame {
  struct ether_header ethernet;
  struct iphdr ip;
  struct udphdr udp;
  char payload[8];
};

void attempt_frame(char **args) {
  int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  if (fd < 0) refused("packet socket");
  struct interface own = own_interface();
  struct frame frame = {.payload = "hello"};
  unsigned char *to = frame.ethernet.ether_dhost;
  if (sscanf(args[0], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", to, to + 1, to + 2, to + 3, to + 4, to + 5) != 6)
    answer(false, "not an Ethernet address: %s", args[0]);
  memcpy(frame.ethernet.ether_shost, own.mac, ETH_ALEN);
  frame.ethernet.ether_type = htons(ETH_P_IP);
  frame.ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .saddr = own.address.s_addr};
  frame.ip.tot_len = htons(sizeof frame - sizeof frame.ethernet);
  inet_pton(AF_INET, args[1], &frame.ip.daddr);
  struct iphdr header = frame.ip;
  frame.ip.check = checksum(&header, sizeof header);
  /* A UDP checksum of 0 is none. */
  frame.udp.source = htons(SOURCE_PORT);
  frame.udp.dest = htons((uint16_t)atoi(args[2]));
  frame.udp.len = htons(sizeof frame.udp + sizeof frame.payload);
  struct sockaddr_ll out = {.sll_family = AF_PACKET, .sll_ifindex = own.index, .sll_halen = ETH_ALEN};
  if (sendto(fd, &frame, sizeof frame, 0, (struct sockaddr *)&out, sizeof out) < 0) refused("send a frame");
  for (long long end = now_ms() + REPLY_MS; now_ms() < end;) {
    struct frame reply;
    if (!readable_within(fd, (int)(end - now_ms()))) break;
    if (recv(fd, &reply, sizeof reply, 0) < (ssize_t)sizeof reply) continue;
    bool echo = reply.ip.saddr == frame.ip.daddr && reply.udp.dest == htons(SOURCE_PORT);
    if (echo) answer(true, "the frame was answered");
  }
  answer(false, "the frame was sent and nobody answered");
}

/* One netlink message of a batch for the packet filter; answers where the next one begins. */
static char *netfilter_message(char *at, int type, int flags, int family, const char *table) {
  struct nlmsghdr *header = (struct nlmsghdr *)at;
  struct nfgenmsg *generic = (struct nfgenmsg *)(header + 1);
  bool batch = type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END;
  header->nlmsg_type = (uint16_t)(batch ? type : NFNL_SUBSYS_NFTABLES << 8 | type);
  header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  generic->nfgen_family = (uint8_t)family;
  generic->res_id = htons(batch ? NFNL_SUBSYS_NFTABLES : 0);
  char *end = (char *)(generic + 1);
  if (table) {
    struct nlattr *name = (struct nlattr *)end;
    name->nla_type = NFTA_TABLE_NAME;
    name->nla_len = (uint16_t)(NLA_HDRLEN + strlen(table) + 1);
    strcpy(end + NLA_HDRLEN, table);
    end += NLA_ALIGN(name->nla_len);
  }
  header->nlmsg_len = (uint32_t)(end - at);
  return end;
}

void attempt_filter(char **args) {
  (void)args;
  char batch[256] = {0}, *end = batch;
  end = netfilter_message(end, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NULL);
  end = netfilter_message(end, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK, NFPROTO_INET, "escape");
  end = netfilter_message(end, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NULL);
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  if (fd < 0 || send(fd, batch, (size_t)(end - batch), 0) < 0) refused("netlink");
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
  } reply;
  if (!readable_within(fd, REPLY_MS) || recv(fd, &reply, sizeof reply, 0) < 0) refused("no reply");
  errno = -reply.error.error;
  if (errno != 0) refused("a table");
  answer(true, "a table of its own");
}

static void print_packet(const char *protocol, const char *to, int port) {
  printf("{\"protocol\":\"%s\",\"to\":\"%s\",\"port\":%d}\n", protocol, to, port);
}

static const char *protocol_name(int protocol) {
  if (protocol == IPPROTO_TCP) return "tcp";
  if (protocol == IPPROTO_UDP) return "udp";
  return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6 ? "icmp" : "other";
}

void attempt_sniff(char **args) {
  alarm(0);
  int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
  struct sockaddr_ll on = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
  on.sll_ifindex = (int)if_nametoindex(args[0]);
  if (fd < 0 || on.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&on, sizeof on) < 0) refused("listen to packets");
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("{}");
  for (;;) {
    unsigned char packet[128];
    struct sockaddr_ll from;
    socklen_t size = sizeof from;
    ssize_t length = recvfrom(fd, packet, sizeof packet, MSG_TRUNC, (struct sockaddr *)&from, &size);
    if (length < 0 && errno != EINTR) refused("receive");
    if (length < (ssize_t)sizeof(struct iphdr) || from.sll_pkttype == PACKET_OUTGOING) continue;
    bool v6 = packet[0] >> 4 == 6;
    const struct iphdr *ip = (struct iphdr *)packet;
    const struct ip6_hdr *ip6 = (struct ip6_hdr *)packet;
    char to[INET6_ADDRSTRLEN];
    inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (void *)&ip6->ip6_dst : (void *)&ip->daddr, to, sizeof to);
    int protocol = v6 ? ip6->ip6_nxt : ip->protocol, start = v6 ? (int)sizeof *ip6 : ip->ihl * 4;
    bool ports = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
    print_packet(protocol_name(protocol), to, ports ? packet[start + 2] << 8 | packet[start + 3] : 0);
  }
}
