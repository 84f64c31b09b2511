// Whether an event loop can be woken at all.
//
// Asio does not look whether epoll has taken the two descriptors by which it is woken, its own and its timer: epoll_ctl
// may fail for want of memory or of watches. The loop would run, and hold back what workers have answered until
// something else happens on a socket.
#pragma once

#include "countersign/core/result.hpp"

#include <boost/asio/io_context.hpp>

namespace countersign::http {

// Runs `context` for a few milliseconds on a thread of its own, knocks at it from this one, and waits for a timer of
// it. Before any thread runs it; afterwards it can be run as if nothing had been. internal: it does not wake, because
// the system is short of something; found out within five seconds. Throws boost::system::system_error when it is short
// of descriptors.
Result<void> prove_that_it_wakes(boost::asio::io_context& context);

}  // namespace countersign::http
