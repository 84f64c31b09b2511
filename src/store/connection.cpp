#include "connection.hpp"

namespace countersign::store {

Connection::Connection(std::shared_ptr<const Engine> engine, Use use) : engine_(std::move(engine)) {
    engine_->connect(session_, use);
}

Statement& Connection::prepared(const Sql& sql) {
    auto& place = statements_[&sql];
    if (!place) place = std::make_unique<Statement>(session_, sql);
    return *place;
}

void Connection::run(const Sql& sql, Parameters parameters, const std::function<void(const Row&)>& each) {
    prepared(sql).run(parameters, each);
}

std::int64_t Connection::change(const Sql& sql, Parameters parameters) {
    return prepared(sql).change(parameters);
}

void Connection::script(const std::string& text) {
    engine_->script(session_, text);
}

}  // namespace countersign::store
