#include "countersign/keys/pkcs11_key.hpp"

#include "objects.hpp"
#include "token_key.hpp"

#include <map>

namespace countersign::keys {

using pkcs11::Modules;
using pkcs11::PinLatch;
using pkcs11::Token;
using pkcs11::TokenKey;
using pkcs11::Uri;

struct Pkcs11KeySource::State {
    Pkcs11Options options;
    std::shared_ptr<PinLatch> latch = std::make_shared<PinLatch>();

    std::mutex mutex;
    bool closed = false;
    std::map<std::filesystem::path, std::shared_ptr<Modules>> modules;
    std::map<std::string, std::shared_ptr<Token>> tokens;
    std::map<std::string, std::weak_ptr<TokenKey>> keys;

    Result<std::shared_ptr<Token>> token_of(const Uri& uri);
    std::shared_ptr<TokenKey> known(const std::string& uri);
};

Pkcs11KeySource::Pkcs11KeySource(Pkcs11Options options) : state_(std::make_unique<State>()) {
    state_->options = std::move(options);
}

Pkcs11KeySource::~Pkcs11KeySource() {
    close();
}

Result<std::shared_ptr<Token>> Pkcs11KeySource::State::token_of(const Uri& uri) {
    const std::lock_guard lock(mutex);
    if (closed) return fail::unavailable(uri.text() + ": closed");
    const auto known_token = tokens.find(uri.token_part());
    if (known_token != tokens.end()) return known_token->second;
    const auto path = uri.module_path().empty() ? options.module : uri.module_path();
    auto& loaded = modules[path];
    if (!loaded) {
        auto made = Modules::load(path);
        if (!made) return within(uri.text(), std::move(made).error());
        loaded = *std::move(made);
    }
    auto token = std::make_shared<Token>(uri, loaded, latch, options);
    tokens.emplace(uri.token_part(), token);
    return token;
}

std::shared_ptr<TokenKey> Pkcs11KeySource::State::known(const std::string& uri) {
    const std::lock_guard lock(mutex);
    const auto found = keys.find(uri);
    return found == keys.end() ? nullptr : found->second.lock();
}

Result<std::shared_ptr<Key>> Pkcs11KeySource::open(std::string_view text) {
    TRY(Uri uri, Uri::parse(text));
    const std::string name(text);
    const auto known = state_->known(name);
    if (known && known->probe()) return std::shared_ptr<Key>(known);
    TRY(const auto token, state_->token_of(uri));
    auto key = TokenKey::open(token, std::move(uri));
    // A token that is away for the moment is no reason to lose a key; one that holds another key by now is.
    const bool away = !key && (key.error().kind == ErrorKind::unavailable || key.error().kind == ErrorKind::not_found);
    if (known && away) return std::shared_ptr<Key>(known);
    if (!key) return std::move(key).error();
    const std::lock_guard lock(state_->mutex);
    state_->keys.insert_or_assign(name, *key);
    return std::shared_ptr<Key>(*std::move(key));
}

Result<std::shared_ptr<Key>> Pkcs11KeySource::generate(std::string_view text, GeneratedKey kind, KeyUse use,
                                                       Random& random) {
    TRY(const Uri uri, Uri::parse(text));
    TRY(const auto token, state_->token_of(uri));
    CHECK(token->change(
        [&](pkcs11::Session& session) { return pkcs11::generate_pair(session, uri, kind, use, random); }));
    return open(text);
}

Result<void> Pkcs11KeySource::probe() {
    std::vector<std::shared_ptr<TokenKey>> keys;
    {
        const std::lock_guard lock(state_->mutex);
        for (const auto& [uri, key] : state_->keys) {
            if (auto held = key.lock()) keys.push_back(std::move(held));
        }
    }
    for (const auto& key : keys) CHECK(key->probe());
    return boost::system::in_place_value;
}

void Pkcs11KeySource::close() {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    for (const auto& [uri, token] : state_->tokens) token->close();
    for (const auto& [path, modules] : state_->modules) {
        if (modules) modules->close();
    }
}

}  // namespace countersign::keys
