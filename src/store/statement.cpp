#include "statement.hpp"

namespace countersign::store {

Statement::Statement(soci::session& session, const Sql& sql) : statement_(session) {
    for (const char type : sql.parameters) {
        Place& place = in_.emplace_back();
        place.type = type;
        if (type == 'i') {
            statement_.exchange(soci::use(place.number, place.indicator));
        } else {
            statement_.exchange(soci::use(place.text, place.indicator));
        }
    }
    for (const char type : sql.columns) {
        Place& place = out_.emplace_back();
        place.type = type;
        if (type == 'i') {
            statement_.exchange(soci::into(place.number, place.indicator));
        } else {
            statement_.exchange(soci::into(place.text, place.indicator));
        }
    }
    statement_.alloc();
    statement_.prepare(std::string(sql.text));
    statement_.define_and_bind();
}

void Statement::fill(Parameters parameters) {
    if (parameters.size() != in_.size()) throw soci::soci_error("wrong number of parameters for a statement");
    auto place = in_.begin();
    for (const Parameter& parameter : parameters) {
        place->indicator = parameter.null() ? soci::i_null : soci::i_ok;
        place->text.assign(parameter.text());
        place->number = parameter.number();
        ++place;
    }
}

void Statement::run(Parameters parameters, const std::function<void(const Row&)>& each) {
    fill(parameters);
    const Row row(out_);
    for (bool found = statement_.execute(true); found; found = statement_.fetch()) each(row);
}

std::int64_t Statement::change(Parameters parameters) {
    fill(parameters);
    statement_.execute(true);
    return statement_.get_affected_rows();
}

void Statement::repeat(const Row& row) {
    if (row.places_.size() != in_.size()) throw soci::soci_error("wrong number of parameters for a statement");
    for (std::size_t i = 0; i < in_.size(); ++i) {
        const Place& from = row.places_[i];
        in_[i].indicator = from.indicator == soci::i_ok ? soci::i_ok : soci::i_null;
        in_[i].text = from.text;
        in_[i].number = from.number;
    }
    statement_.execute(true);
}

}  // namespace countersign::store
