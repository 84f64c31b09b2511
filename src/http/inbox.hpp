// A connection's receive buffer: one piece of memory, grown only while a request needs it. A value; one thread at a
// time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace countersign::http {

class Inbox {
public:
    bool empty() const { return begin_ == end_; }
    std::string_view unread() const { return {storage_.data() + begin_, end_ - begin_}; }

    // Memory to receive into, never empty.
    std::span<char> room() {
        if (empty()) {
            begin_ = end_ = 0;
            if (storage_.size() > kept) {
                storage_.resize(kept);
                storage_.shrink_to_fit();
            }
        }
        if (storage_.empty()) storage_.resize(kept);
        if (end_ == storage_.size() && begin_ > 0) {
            std::copy(storage_.begin() + at(begin_), storage_.begin() + at(end_), storage_.begin());
            end_ -= begin_;
            begin_ = 0;
        }
        if (end_ == storage_.size()) storage_.resize(storage_.size() * 2);
        return {storage_.data() + end_, storage_.size() - end_};
    }
    void received(std::size_t count) { end_ += count; }
    void consume(std::size_t count) { begin_ += std::min(count, end_ - begin_); }

private:
    static constexpr std::size_t kept = 4096;
    static std::ptrdiff_t at(std::size_t index) { return static_cast<std::ptrdiff_t>(index); }

    std::vector<char> storage_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace countersign::http
