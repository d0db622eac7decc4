// Linux system calls that the Glibc module does not export.
#ifndef HEDGEROUTER_CLINUX_SHIM_H
#define HEDGEROUTER_CLINUX_SHIM_H

#if defined(__linux__)
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>

// Names the calling thread; names longer than 15 bytes are cut.
static inline void clx_name_thread(const char *name) {
  prctl(PR_SET_NAME, (unsigned long)name, 0, 0, 0);
}
#endif

#endif
