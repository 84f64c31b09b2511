#include "session.hpp"

#include "as_values.hpp"
#include "countersign/async/offload.hpp"
#include "countersign/core/text.hpp"
#include "countersign/http/framing.hpp"
#include "header_scan.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <new>

namespace countersign::http {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds polite_patience{1000};
constexpr std::size_t copied_body = 4096;  // below this one copy is cheaper than a second buffer
constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

// 0 to 1023, even over any run of numbers: multiples of the golden ratio.
std::int64_t stagger_of(std::uint64_t number) {
    return static_cast<std::int64_t>((number * 0x9e3779b97f4a7c15U) >> 54);
}

Response busy(std::string_view retry_after) {
    auto response = Response::text(503, "busy; try again later");
    response.headers.emplace_back("Retry-After", retry_after);
    return response;
}

// The endpoints promise not to throw; one that does anyway must not take the daemon along.
Response answer_on_worker(Endpoint& endpoint, const Request& request) {
    try {
        return endpoint.answer(request);
    } catch (const std::bad_alloc&) {
        Response bare;  // asks for no memory either
        bare.status = 503;
        return bare;
    } catch (const std::exception&) {
        return Response::text(500, "internal error");
    }
}

std::optional<Response> answer_at_once(Endpoint& endpoint, const Request& request) {
    try {
        return endpoint.answer_at_once(request);
    } catch (const std::bad_alloc&) {
        return busy("5");
    } catch (const std::exception&) {
        return Response::text(500, "internal error");
    }
}

}  // namespace

Session::Session(std::shared_ptr<Site> site, std::shared_ptr<const ListenerTraits> listener, Peer peer,
                 std::unique_ptr<Transport> transport, std::unique_ptr<Attendance::Seat> seat, Executor strand)
    : site_(std::move(site)),
      listener_(std::move(listener)),
      peer_(std::move(peer)),
      connection_(std::make_shared<net::Connection>()),
      transport_(std::move(transport)),
      seat_(std::move(seat)),
      stagger_(stagger_of(seat_->number())),
      strand_(std::move(strand)),
      timer_(strand_),
      lease_(*site_) {
    connection_->listener = listener_->address;
    connection_->relayed = peer_.trusted;
}

void Session::start() {
    // The handler holds the session because the signal must outlive the coroutine's last step.
    auto finished = [self = shared_from_this()](std::exception_ptr) {};
    asio::co_spawn(strand_, run(shared_from_this()), asio::bind_cancellation_slot(cancel_.slot(), std::move(finished)));
}

void Session::leave_when_idle() {
    asio::post(strand_, [self = shared_from_this()] {
        if (!self->idle_ || self->finished_) return;
        // Not abort: a request whose octets have been read, though not looked at yet, is in flight. The deadline is for
        // TLS, where a cancellation between two reads of the socket goes unnoticed.
        self->transport_->cancel_read();
        self->expect_within(polite_patience);
    });
}

void Session::leave_now() {
    asio::post(strand_, [self = shared_from_this()] {
        if (self->finished_) return;
        self->aborted_ = true;
        self->transport_->abort();
        self->cancel_.emit(asio::cancellation_type::terminal);
    });
}

asio::awaitable<void> Session::run(std::shared_ptr<Session> self) {
    try {
        co_await self->converse();
    } catch (const std::exception&) {
        // Cancelled by leave_now, or out of memory: this connection ends, the others go on.
    }
    self->finished_ = true;
    self->timer_.cancel();
    self->transport_->abort();
    self->lease_.release();
    self->seat_.reset();
}

asio::awaitable<void> Session::converse() {
    expect_within(site_->limits.header_deadline);
    seat_->waits(weak_from_this());
    const bool shaken = co_await transport_->handshake();
    if (!shaken) co_return;
    transport_->introduce(*connection_);
    expect_within(site_->limits.header_deadline);
    auto next = Next::another;
    while (next == Next::another) {
        next = co_await serve_one();
        lease_.release();
        if (++requests_ > 0 && next == Next::another) expect_within(site_->limits.idle_deadline);
    }
    if (next == Next::drop) co_return;
    expect_within(polite_patience);
    co_await transport_->close_politely();
}

asio::awaitable<Session::Next> Session::serve_one() {
    request_.reset();
    auto arrival = co_await receive_head();
    const auto since = steady_clock::now();
    if (arrival == Arrival::complete) arrival = co_await receive_body();
    if (arrival == Arrival::ended) {
        if (timed_out_ && request_) log(408, 0, since);
        co_return Next::drop;
    }
    if (arrival == Arrival::refused) {
        const bool told = co_await write(refusal_, true);
        log(refusal_.status, refusal_.body ? refusal_.body->size() : 0, since);
        co_return told ? Next::close_politely : Next::drop;
    }
    expect_nothing();
    seat_->is_served();
    const auto asked = steady_clock::now();
    const auto response = co_await answer();
    if (response.quantum.count() > 0) co_await hold_back(asked, response.quantum);
    seat_->waits(weak_from_this());
    const bool close = !may_stay();
    const bool written = co_await write(response, close);
    log(response.status, response.body ? response.body->size() : 0, since);
    if (!written) co_return Next::drop;
    co_return close ? Next::close_politely : Next::another;
}

bool Session::may_stay() const {
    return head_.keep_alive && !site_->draining && requests_ + 1 < site_->limits.requests_per_connection;
}

asio::awaitable<bool> Session::receive_more() {
    const auto room = inbox_.room();
    const auto count = co_await transport_->read_some(room);
    inbox_.received(count);
    co_return count > 0 && !aborted_;
}

asio::awaitable<Session::Arrival> Session::receive_head() {
    HeaderScan scan(site_->limits.request_line_octets, site_->limits.header_octets);
    bool skipped = false;
    bool begun = requests_ == 0;  // the first request's deadline runs since the connection was accepted
    while (true) {
        // RFC 9112 section 2.2: one empty line in front is ignored.
        if (!skipped && inbox_.unread().starts_with("\r\n")) {
            inbox_.consume(2);
            skipped = true;
        }
        const bool half_empty_line = !skipped && inbox_.unread() == "\r";
        if (!inbox_.empty() && !half_empty_line) {
            switch (scan.look_at(inbox_.unread())) {
                case HeaderScan::Verdict::complete: co_return take_head(scan.length());
                case HeaderScan::Verdict::not_http: co_return refuse(400, "bad request: not an HTTP request head");
                case HeaderScan::Verdict::line_too_long: co_return refuse(414, "request line too long");
                case HeaderScan::Verdict::block_too_long: co_return refuse(431, "request header too large");
                case HeaderScan::Verdict::incomplete: break;
            }
            if (!begun) {
                expect_within(site_->limits.header_deadline);
                seat_->waits(weak_from_this());
            }
            begun = true;
        }
        idle_ = inbox_.empty();
        if (idle_ && site_->draining) co_return Arrival::ended;
        const bool more = co_await receive_more();
        idle_ = false;
        if (!more) co_return Arrival::ended;
    }
}

Session::Arrival Session::take_head(std::size_t length) {
    const auto block = inbox_.unread().substr(0, length);
    if (const auto checked = check_framing(block); !checked)
        return refuse(400, "bad request: " + checked.error().detail);
    auto head = read_head(block);
    if (!head) return refuse(400, "bad request: " + head.error().detail);
    inbox_.consume(length);
    head_ = std::move(*head);
    request_ = std::make_shared<Request>(std::move(head_.request));
    request_->serves = listener_->serves;
    name_client(*request_);
    return Arrival::complete;
}

// Who asks, and over what: a proxy's word counts only if the proxy is trusted.
void Session::name_client(Request& request) const {
    request.connection = connection_;
    request.client = peer_.text;
    request.secure = listener_->tls;
    request.loopback_or_proxy = peer_.loopback_or_proxy;
    if (!peer_.trusted) return;
    std::vector<std::string_view> forwarded;
    for (const auto& [name, value] : request.headers) {
        if (name == "x-forwarded-for") forwarded.emplace_back(value);
        if (name != "x-forwarded-proto") continue;
        const auto last = std::string_view(value).substr(value.rfind(',') + 1);
        request.secure = listener_->tls || equals_ignoring_case(trim(last), "https");
    }
    request.client = forwarded_client(peer_.text, forwarded, listener_->trusted_proxies);
}

asio::awaitable<Session::Arrival> Session::receive_body() {
    if (head_.unknown_expectation) co_return refuse(417, "unknown Expect");
    const auto length = head_.content_length.value_or(0);
    if (length > site_->limits.body_octets) co_return refuse_body_size(std::to_string(length) + " octets");
    if (length == 0 && !head_.chunked) co_return Arrival::complete;
    if (head_.expects_continue && head_.http11 && inbox_.empty()) {
        const bool invited = co_await invite_body();
        if (!invited) co_return Arrival::ended;
    }
    expect_within(site_->limits.body_deadline);
    if (head_.chunked) co_return co_await receive_chunked();
    co_return co_await receive_counted(length);
}

asio::awaitable<bool> Session::invite_body() {
    expect_within(site_->limits.write_deadline);
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(go_on), {}};
    co_return co_await transport_->write(buffers);
}

asio::awaitable<Session::Arrival> Session::receive_counted(std::uint64_t length) {
    auto& body = request_->body;
    // What is only announced is not yet worth memory.
    body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(length, 64 * 1024)));
    while (true) {
        const auto part = inbox_.unread().substr(0, static_cast<std::size_t>(length - body.size()));
        body.insert(body.end(), part.begin(), part.end());
        inbox_.consume(part.size());
        if (!hold_body()) co_return Arrival::refused;
        if (body.size() == length) co_return Arrival::complete;
        const bool more = co_await receive_more();
        if (!more) co_return Arrival::ended;
    }
}

asio::awaitable<Session::Arrival> Session::receive_chunked() {
    ChunkedBody chunks(site_->limits.body_octets);
    while (true) {
        auto raw = inbox_.unread();
        const auto before = raw.size();
        const auto state = chunks.take(raw, request_->body);
        inbox_.consume(before - raw.size());
        if (state == ChunkedBody::State::malformed) co_return refuse(400, "bad request: chunked body");
        if (state == ChunkedBody::State::too_large) co_return refuse_body_size("in chunks");
        if (!hold_body()) co_return Arrival::refused;
        if (state == ChunkedBody::State::complete) co_return Arrival::complete;
        const bool more = co_await receive_more();
        if (!more) co_return Arrival::ended;
    }
}

bool Session::hold_body() {
    if (lease_.extend_to(request_->body.size())) return true;
    refusal_ = busy("5");
    return false;
}

Session::Arrival Session::refuse(int status, std::string_view why) {
    refusal_ = Response::text(status, why);
    return Arrival::refused;
}

Session::Arrival Session::refuse_body_size(std::string_view size) {
    return refuse(413, "request body (" + std::string(size) + ") is over the limit of " +
                           std::to_string(site_->limits.body_octets) + " octets");
}

asio::awaitable<Response> Session::answer() {
    const auto router = site_->router();
    auto* endpoint = router->find(*request_);
    if (endpoint == nullptr) co_return Response::text(404, "not found");
    auto at_once = answer_at_once(*endpoint, *request_);
    if (at_once) co_return std::move(*at_once);

    const auto job = [router, endpoint, request = request_] { return answer_on_worker(*endpoint, *request); };
    auto outcome = co_await async::offload(site_->pool, job, site_->limits.answer_deadline);
    if (outcome.value) co_return std::move(*outcome.value);
    co_return busy(outcome.failure == async::OffloadFailure::queue_full ? "5" : "30");
}

// Until a whole number of quanta has passed. No worker waits for it.
asio::awaitable<void> Session::hold_back(TimePoint asked, std::chrono::milliseconds quantum) {
    const auto begun = (steady_clock::now() - asked) / quantum;
    asio::steady_timer timer(strand_);
    timer.expires_at(asked + (begun + 1) * quantum);
    co_await timer.async_wait(as_values);
}

asio::awaitable<bool> Session::write(const Response& response, bool close) {
    expect_within(site_->limits.write_deadline);
    outgoing_.clear();
    const auto staying = head_.http11 ? Persistence::keep_alive_11 : Persistence::keep_alive_10;
    const auto persistence = close ? Persistence::close : staying;
    auto body = response.body;
    if (!write_head(response, persistence, http_date(), outgoing_)) {
        const auto instead = Response::text(500, "internal error");
        body = instead.body;
        // Nothing in it can be refused.
        static_cast<void>(write_head(instead, persistence, http_date(), outgoing_));
    }
    const bool bodiless = (request_ && request_->method == "HEAD") || response.status == 204 || response.status == 304;
    if (bodiless) body = nullptr;
    asio::const_buffer rest;
    if (body && body->size() <= copied_body)
        outgoing_.append(as_text(*body));
    else if (body)
        rest = asio::buffer(*body);
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(outgoing_), rest};
    co_return co_await transport_->write(buffers);
}

void Session::log(int status, std::size_t octets, TimePoint since) const {
    if (!site_->access_log) return;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - since);
    if (request_) return site_->access_log(*request_, status, octets, took);
    Request unread;
    unread.client = peer_.text;
    unread.serves = listener_->serves;
    site_->access_log(unread, status, octets, took);
}

void Session::expect_within(std::chrono::milliseconds patience) {
    deadline_ = steady_clock::now() + patience + patience * stagger_ / 4096;
    if (deadline_ < watching_until_) watch(deadline_);
}

void Session::watch(TimePoint until) {
    watching_until_ = until;
    timer_.expires_at(until);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) self->look_at_clock();
    });
}

// An early or stale call is harmless: only the clock and the deadline decide.
void Session::look_at_clock() {
    if (finished_) return;
    watching_until_ = TimePoint::max();
    if (deadline_ == TimePoint::max()) return;
    if (steady_clock::now() < deadline_) return watch(deadline_);
    timed_out_ = aborted_ = true;
    transport_->abort();
}

}  // namespace countersign::http
