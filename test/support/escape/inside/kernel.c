#define _GNU_SOURCE
#include "answer.h"
#include "attempts.h"
#include "socket.h"
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

void attempt_mount(char **args) {
  (void)args;
  if (mount("none", "/proc", "tmpfs", 0, "size=4k") < 0) refused("mount");
  umount2("/proc", MNT_DETACH);
  answer(true, "mounted");
}

void attempt_unshare(char **args) {
  if (unshare(strcmp(args[0], "net") == 0 ? CLONE_NEWNET : CLONE_NEWUSER) < 0) refused("unshare");
  answer(true, "a namespace of its own");
}

void attempt_ptrace(char **args) {
  if (ptrace(PTRACE_SEIZE, atoi(args[0]), NULL, NULL) < 0) refused("ptrace");
  answer(true, "traces it");
}

void attempt_keyctl(char **args) {
  (void)args;
  if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1) < 0) refused("keyctl");
  answer(true, "a keyring");
}

void attempt_setuid(char **args) {
  if (setuid((uid_t)strtoul(args[0], NULL, 10)) < 0) refused("setuid");
  answer(true, "user %s", args[0]);
}

void attempt_chown(char **args) {
  int fd = open(args[0], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) refused(args[0]);
  unlink(args[0]);
  if (fchown(fd, 12345, 12345) < 0) refused("chown");
  answer(true, "changed the owner");
}

void attempt_suid(char **args) {
  (void)args;
  answer(geteuid() == 0, "effective user %u", geteuid());
}

void attempt_write(char **args) {
  int fd = open(args[0], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) refused(args[0]);
  if (write(fd, "x", 1) != 1) refused("write");
  unlink(args[0]);
  answer(true, "wrote %s", args[0]);
}

void attempt_bind(char **args) {
  struct endpoint any = endpoint_of("0.0.0.0", atoi(args[0]));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&any.address, any.length) < 0) refused("bind");
  answer(true, "bound");
}
