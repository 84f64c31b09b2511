// What the libraries loaded with LD_PRELOAD share. Several calls have a second name for files of any size, which here
// are the same.
#pragma once

#include <fcntl.h>
#include <cstdarg>

#define COUNTERSIGN_SAME_AS(name) __attribute__((alias(#name)))

// The four calls that open files, by `opened(directory, path, flags, mode)`. Inside extern "C".
#define COUNTERSIGN_OPEN_CALLS(opened)                                      \
    int open(const char* path, int flags, ...) {                            \
        va_list rest;                                                       \
        va_start(rest, flags);                                              \
        const auto mode = va_arg(rest, mode_t);                             \
        va_end(rest);                                                       \
        return opened(AT_FDCWD, path, flags, mode);                         \
    }                                                                       \
    int open64(const char* path, int flags, ...) COUNTERSIGN_SAME_AS(open); \
    int openat(int directory, const char* path, int flags, ...) {           \
        va_list rest;                                                       \
        va_start(rest, flags);                                              \
        const auto mode = va_arg(rest, mode_t);                             \
        va_end(rest);                                                       \
        return opened(directory, path, flags, mode);                        \
    }                                                                       \
    int openat64(int directory, const char* path, int flags, ...) COUNTERSIGN_SAME_AS(openat);
