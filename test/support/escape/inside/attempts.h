/* Every attempt: its arguments are those after its name. None returns. */
#ifndef ATTEMPTS_H
#define ATTEMPTS_H

/* network.c */
void attempt_tcp(char **args);    /* HOST PORT: a connection is made */
void attempt_udp(char **args);    /* HOST PORT: a datagram is echoed */
void attempt_icmp(char **args);   /* HOST: an echo request, from a socket that needs no privilege, is answered */
void attempt_dns(char **args);    /* udp|tcp SERVER NAME TYPE: a record comes back */
void attempt_name(char **args);   /* NAME TYPE PORT: every address that the system's resolver tells echoes */
void attempt_hold(char **args);   /* NAME PORT SECONDS: how long new connections to its address work, and an old one */
void attempt_listen(char **args); /* PORT …: echoes on TCP ports until it is ended */

/* packets.c */
void attempt_raw(char **args);   /* a raw socket is given */
void attempt_frame(char **args); /* MAC HOST PORT: a UDP datagram in an Ethernet frame of one's own is echoed */
void attempt_filter(char **args); /* a table in the packet filter of its network namespace */
void attempt_sniff(char **args); /* INTERFACE: a line for each IP packet that comes in, until it is ended */

/* kernel.c */
void attempt_mount(char **args);
void attempt_unshare(char **args); /* user|net */
void attempt_ptrace(char **args);  /* UID: a process of that user */
void attempt_keyctl(char **args); /* a call that the Engine's own filter refuses */
void attempt_yield(char **args);  /* a call that only a filter of one's own refuses */
void attempt_setuid(char **args); /* UID */
void attempt_chown(char **args);  /* PATH: makes a file there, and gives it away */
void attempt_suid(char **args);   /* whether the setuid bit of this very file made it root */
void attempt_write(char **args);  /* PATH: makes a file there, and removes it */
void attempt_bind(char **args);   /* PORT */
void attempt_read(char **args);   /* PATH: prints the file, and no answer */

/* limits.c: bounded by their arguments, and gone when they end */
void attempt_forks(char **args);  /* COUNT processes at a time */
void attempt_memory(char **args); /* MEBIBYTES in use at a time */
void attempt_cpu(char **args);    /* MILLISECONDS of work without a pause: the control group is not throttled */

/* sampler.c */
void attempt_sample(char **args); /* PORT HOST… -- PROGRAM…: sends to each host ten times a second, and becomes PROGRAM */
#endif
