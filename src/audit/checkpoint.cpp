#include "checkpoint.hpp"

#include "countersign/audit/catalogue.hpp"
#include "countersign/crypto/encoding.hpp"

namespace countersign::audit {
namespace {

std::string statement(const ChainHead& head) {
    return "countersign audit checkpoint, version 1\n" + head.text() + "\n";
}

crypto::SignatureScheme scheme_of(const crypto::PublicKey& key) {
    return key.scheme_with(crypto::DigestAlgorithm::sha256);
}

}  // namespace

std::string text_of(const nlohmann::json& line, const char* member) {
    const auto found = line.find(member);
    return found != line.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<Event> checkpoint_event(const ChainHead& head, keys::Key& key) {
    TRY(const Bytes signature, key.sign(scheme_of(key.public_key()), as_bytes(statement(head))));
    return std::move(Event(event::audit_checkpoint)
                         .with("covers", head.text())
                         .with("key", key.public_key().fingerprint())
                         .with("signature", crypto::base64(signature)));
}

Result<void> check_checkpoint(const nlohmann::json& line, const ChainHead& head, const crypto::PublicKey& key) {
    if (text_of(line, "covers") != head.text()) return fail::denied("the checkpoint is about another line");
    if (text_of(line, "key") != key.fingerprint())
        return fail::denied("the checkpoint was signed with another key than the audit key");
    const auto signature = crypto::from_base64(text_of(line, "signature"));
    if (!signature || !key.verify(scheme_of(key), as_bytes(statement(head)), *signature))
        return fail::denied("the signature of the checkpoint is wrong");
    return {};
}

}  // namespace countersign::audit
