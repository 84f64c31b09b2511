// SQL statements prepared once and run many times, over SOCI. Private to the store.
//
// A Sql is a constant: its text, and one letter for the type of each parameter and each column: 't' text, 'i' integer.
// A Statement belongs to one connection and one thread at a time. Everything here throws soci::soci_error.
#pragma once

#include "countersign/core/clock.hpp"

#include <soci/soci.h>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::store {

struct Sql {
    std::string_view text;
    std::string_view parameters;
    std::string_view columns;
};

// One parameter of one execution. Text is borrowed until the call returns.
class Parameter {
public:
    Parameter(std::string_view text) : text_(text) {}
    Parameter(const std::string& text) : text_(text) {}
    Parameter(const char* text) : text_(text) {}
    Parameter(std::int64_t number) : number_(number) {}
    Parameter(int number) : number_(number) {}
    Parameter(Time time) : number_(to_milliseconds(time)) {}
    Parameter(std::nullopt_t) : null_(true) {}
    Parameter(std::optional<Time> time) : number_(time ? to_milliseconds(*time) : 0), null_(!time) {}

    std::string_view text() const { return text_; }
    std::int64_t number() const { return number_; }
    bool null() const { return null_; }

private:
    std::string_view text_;
    std::int64_t number_ = 0;
    bool null_ = false;
};
using Parameters = std::initializer_list<Parameter>;

// A limit as SQL understands it.
inline Parameter limit_of(std::size_t limit) {
    constexpr auto most = static_cast<std::size_t>(INT32_MAX);
    return Parameter(static_cast<std::int64_t>(limit < most ? limit : most));
}

class Row;

class Statement {
public:
    Statement(soci::session& session, const Sql& sql);

    // Runs it and hands over every row. Reads to the end, always: a statement left in the middle of its rows would keep
    // its connection's snapshot, and later reads would see the past.
    void run(Parameters parameters, const std::function<void(const Row&)>& each);
    // Runs it; how many rows it changed.
    std::int64_t change(Parameters parameters);

    // Runs it with the columns of another statement's row as parameters, nulls included.
    void repeat(const Row& row);

private:
    friend class Row;
    // Where SOCI reads a parameter from or writes a column to; bound by address once.
    struct Place {
        char type = 't';
        std::string text;
        long long number = 0;
        soci::indicator indicator = soci::i_ok;
    };

    void fill(Parameters parameters);

    std::deque<Place> in_;
    std::deque<Place> out_;
    soci::statement statement_;
};

class Row {
public:
    explicit Row(const std::deque<Statement::Place>& places) : places_(places) {}

    // Columns are counted from 0. Null reads as empty text or 0.
    std::string text(std::size_t column) const { return null(column) ? std::string() : places_.at(column).text; }
    std::int64_t number(std::size_t column) const { return null(column) ? 0 : places_.at(column).number; }
    Time time(std::size_t column) const { return from_milliseconds(number(column)); }
    bool null(std::size_t column) const { return places_.at(column).indicator != soci::i_ok; }

private:
    friend class Statement;
    const std::deque<Statement::Place>& places_;
};

}  // namespace countersign::store
