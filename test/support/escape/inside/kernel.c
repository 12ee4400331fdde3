#define _GNU_SOURCE
#include "answer.h"
#include "attempts.h"
#include "socket.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
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

/* A process of that user, which is not this one's. 0 when there is none. */
static pid_t process_of(uid_t user) {
  DIR *processes = opendir("/proc");
  pid_t found = 0;
  for (struct dirent *each; found == 0 && processes && (each = readdir(processes));) {
    char path[sizeof "/proc/" + sizeof each->d_name];
    struct stat owner;
    snprintf(path, sizeof path, "/proc/%s", each->d_name);
    if (atoi(each->d_name) > 0 && stat(path, &owner) == 0 && owner.st_uid == user) found = atoi(each->d_name);
  }
  closedir(processes);
  return found;
}

void attempt_ptrace(char **args) {
  pid_t other = process_of((uid_t)strtoul(args[0], NULL, 10));
  if (other == 0) {
    fprintf(stderr, "user %s has no process\n", args[0]);
    exit(1);
  }
  if (ptrace(PTRACE_SEIZE, other, NULL, NULL) < 0) refused("ptrace");
  answer(true, "traces %d", other);
}

void attempt_yield(char **args) {
  (void)args;
  if (sched_yield() < 0) refused("sched_yield");
  answer(true, "yielded");
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

void attempt_read(char **args) {
  int fd = open(args[0], O_RDONLY | O_CLOEXEC);
  if (fd < 0) perror(args[0]), _exit(1);
  char part[4096];
  for (ssize_t got; (got = read(fd, part, sizeof part)) > 0;)
    if (write(STDOUT_FILENO, part, (size_t)got) != got) _exit(1);
  _exit(0);
}
