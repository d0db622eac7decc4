// Linux system calls that the Glibc module does not export.
#ifndef HEDGEROUTER_CLINUX_SHIM_H
#define HEDGEROUTER_CLINUX_SHIM_H

#if defined(__linux__)
#include <sys/epoll.h>
#include <sys/eventfd.h>
#endif

#endif
