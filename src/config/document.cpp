#include "document.hpp"

#include "convert.hpp"
#include "countersign/core/text.hpp"
#include "schema.hpp"
#include "suggest.hpp"

#include <algorithm>

namespace countersign::config {
namespace {

const toml::table no_table;

unsigned line_of(const toml::node& node) {
    return node.source().begin.line;
}

bool good_name(std::string_view section, std::string_view name) {
    if (name.empty() || name.size() > 128) return false;
    return std::ranges::all_of(name, [&](char c) {
        const bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        // User names come as user@domain and DOMAIN\user; a colon would end one in an Authorization header.
        return section == "account" ? plain || c == '.' || c == '@' || c == '\\' : plain;
    });
}

std::vector<std::string> words_known_in(std::string_view section) {
    std::vector<std::string> words;
    for (const Key& key : keys()) {
        if (key.section == section) words.emplace_back(key.name);
    }
    // Sections one level below: "profile.*.challenge" is a word of "profile"; "ra" is a word of the top level.
    for (const Section& child : sections()) {
        std::string prefix(section);
        if (!section.empty()) prefix += child.path.starts_with(prefix + ".*.") ? ".*." : ".";
        if (!child.path.starts_with(prefix)) continue;
        const std::string_view rest = child.path.substr(prefix.size());
        if (!rest.empty() && rest.find('.') == std::string_view::npos) words.emplace_back(rest);
    }
    return words;
}

class Reader {
public:
    explicit Reader(Document& document, std::filesystem::path directory)
        : document_(document), directory_(std::move(directory)) {}

    void read(const toml::table& root) {
        Settings& settings = document_.settings;
        fill("", "", root, &settings);
        directory_ = settings.directory;
        each_listed(root, "listener", "listener", "listener",
                    [&](const toml::table& table, const std::string& shown) { read_listener(table, shown); });
        settings.sign_in.place = only_table(root, "sign_in", "sign_in", "sign_in", &settings.sign_in);
        only_table(root, "server", "server", "server", &settings.server);
        settings.store.place = only_table(root, "store", "store", "store", &settings.store);
        settings.secrets.place = only_table(root, "secrets", "secrets", "secrets", &settings.secrets);
        only_table(root, "pkcs11", "pkcs11", "pkcs11", &settings.pkcs11);
        only_table(root, "audit", "audit", "audit", &settings.audit);
        settings.audit.place = document_.place_of("audit");
        only_table(root, "log", "log", "log", &settings.log);
        each_named(root, "ra", [&](const toml::table& table, const std::string& name, const std::string& shown) {
            read_ra(table, settings.ra[name], shown);
        });
        each_named(root, "ca", [&](const toml::table& table, const std::string& name, const std::string& shown) {
            read_ca(table, settings.ca[name], shown);
        });
        each_named(root, "challenge_issuer",
                   [&](const toml::table& table, const std::string& name, const std::string& shown) {
                       auto& issuer = settings.challenge_issuers[name];
                       issuer.name = name;
                       issuer.place = document_.place_of(shown);
                       fill("challenge_issuer", shown, table, &issuer);
                   });
        each_named(root, "notification",
                   [&](const toml::table& table, const std::string& name, const std::string& shown) {
                       auto& receiver = settings.notifications[name];
                       receiver.name = name;
                       receiver.place = receiver.connection.place = document_.place_of(shown);
                       fill("notification", shown, table, &receiver);
                   });
        each_named(root, "intune", [&](const toml::table& table, const std::string& name, const std::string& shown) {
            auto& tenant = settings.intune[name];
            tenant.name = name;
            tenant.place = tenant.connection.place = document_.place_of(shown);
            fill("intune", shown, table, &tenant);
        });
        each_named(root, "hook", [&](const toml::table& table, const std::string& name, const std::string& shown) {
            settings.hooks[name].name = name;
            read_hook(table, settings.hooks[name], shown);
        });
        each_named(root, "profile", [&](const toml::table& table, const std::string& name, const std::string& shown) {
            settings.profiles[name].name = name;
            read_profile(table, settings.profiles[name], shown);
        });
        each_named(root, "template", [&](const toml::table& table, const std::string& name, const std::string& shown) {
            settings.templates[name].name = name;
            fill("template", shown, table, &settings.templates[name]);
            settings.templates[name].place = document_.place_of(shown);
        });
        each_named(root, "account", [&](const toml::table& table, const std::string& name, const std::string& shown) {
            settings.accounts[name].name = name;
            fill("account", shown, table, &settings.accounts[name]);
            settings.accounts[name].place = document_.place_of(shown);
        });
    }

private:
    void read_listener(const toml::table& table, const std::string& shown) {
        ListenerSettings listener;
        fill("listener", shown, table, &listener);
        listener.place = document_.place_of(shown);
        if (table.contains("tls")) {
            listener.tls.emplace();
            only_table(table, "tls", "listener.tls", shown + ".tls", &*listener.tls);
        }
        document_.settings.listeners.push_back(std::move(listener));
    }

    void read_ra(const toml::table& table, RaSettings& ra, const std::string& shown) {
        fill("ra", shown, table, &ra);
        ra.place = document_.place_of(shown);
        ra.encryption.place = only_table(table, "encryption", "ra.*.encryption", shown + ".encryption", &ra.encryption);
        ra.agent.place = only_table(table, "agent", "ra.*.agent", shown + ".agent", &ra.agent);
        each_listed(table, "previous_encryption", "ra.*.previous_encryption", shown + ".previous_encryption",
                    [&](const toml::table& entry, const std::string& entry_shown) {
                        KeyPairSettings pair;
                        fill("ra.*.previous_encryption", entry_shown, entry, &pair);
                        pair.place = document_.place_of(entry_shown);
                        ra.previous_encryption.push_back(std::move(pair));
                    });
    }

    void read_ca(const toml::table& table, CaSettings& ca, const std::string& shown) {
        fill("ca", shown, table, &ca);
        ca.place = document_.place_of(shown);
        ca.issuer.place = document_.place_of(shown + ".key");
        ca.connection.place = only_table(table, "connection", "ca.*.connection", shown + ".connection", &ca.connection);
        ca.command.place = only_table(table, "command", "ca.*.command", shown + ".command", &ca.command);
        ca.cmp.place = only_table(table, "cmp", "ca.*.cmp", shown + ".cmp", &ca.cmp);
        ca.ejbca.place = only_table(table, "ejbca", "ca.*.ejbca", shown + ".ejbca", &ca.ejbca);
        ca.vault.place = only_table(table, "vault", "ca.*.vault", shown + ".vault", &ca.vault);
        ca.step.place = only_table(table, "step", "ca.*.step", shown + ".step", &ca.step);
    }

    void read_hook(const toml::table& table, HookSettings& hook, const std::string& shown) {
        fill("hook", shown, table, &hook);
        hook.place = document_.place_of(shown);
        hook.webhook.place = only_table(table, "webhook", "hook.*.webhook", shown + ".webhook", &hook.webhook);
        hook.command.place = only_table(table, "command", "hook.*.command", shown + ".command", &hook.command);
    }

    void read_profile(const toml::table& table, ProfileSettings& profile, const std::string& shown) {
        fill("profile", shown, table, &profile);
        profile.place = document_.place_of(shown);
        // Without the table there is no mode either: said once, by the check of the missing mode.
        profile.challenge.place =
            only_table(table, "challenge", "profile.*.challenge", shown + ".challenge", &profile.challenge);
        only_table(table, "templates", "profile.*.templates", shown + ".templates", &profile);
    }

    // Reads one table that may be absent; returns where it stands.
    Place only_table(const toml::table& parent, std::string_view name, std::string_view section,
                     const std::string& shown, void* target) {
        const toml::node* node = parent.get(name);
        const toml::table* table = node != nullptr ? node->as_table() : &no_table;
        if (table == nullptr) {
            document_.lines[shown] = line_of(*node);
            document_.refuse(shown, "this must be a table",
                             "write " + std::string(name) + " = { ... } or [" + shown + "]");
            table = &no_table;
        } else {
            if (node != nullptr) document_.lines[shown] = line_of(*node);
            fill(section, shown, *table, target);
        }
        return document_.place_of(shown);
    }

    template <class Read>
    void each_named(const toml::table& root, std::string_view section, Read read) {
        const std::string name(section);
        const toml::node* node = root.get(section);
        if (node == nullptr) return refuse_absent(section, name);
        document_.lines[name] = line_of(*node);
        const toml::table* group = node->as_table();
        if (group == nullptr)
            return document_.refuse(name, "this must be a table of names", "write [" + name + ".default]");
        for (const auto& [key, child] : *group) {
            const std::string shown = name + "." + std::string(key.str());
            document_.lines[shown] = line_of(child);
            if (!good_name(section, key.str())) {
                document_.refuse(shown, "\"" + printable(key.str(), 60) + "\" cannot be a name here",
                                 "use letters, digits, - and _");
            } else if (const toml::table* table = child.as_table()) {
                read(*table, std::string(key.str()), shown);
            } else {
                document_.refuse(shown, "this must be a table",
                                 "name it: [" + name + ".default], and put " + std::string(key.str()) + " into it");
            }
        }
    }

    template <class Read>
    void each_listed(const toml::table& parent, std::string_view name, std::string_view section,
                     const std::string& shown, Read read) {
        const toml::node* node = parent.get(name);
        if (node == nullptr) return refuse_absent(section, shown);
        document_.lines[shown] = line_of(*node);
        const toml::array* list = node->as_array();
        const bool tables = list != nullptr && (list->empty() || list->is_homogeneous(toml::node_type::table));
        if (!tables) return document_.refuse(shown, "this must be a list of tables", "write [[" + shown + "]]");
        for (std::size_t i = 0; i < list->size(); ++i) {
            const std::string entry = shown + "[" + std::to_string(i) + "]";
            document_.lines[entry] = line_of(*list->get(i));
            read(*list->get(i)->as_table(), entry);
        }
    }

    void refuse_absent(std::string_view section, const std::string& shown) {
        for (const Section& known : sections()) {
            if (known.path != section || !known.required) continue;
            const bool list = known.shape == Shape::list;
            document_.refuse(shown, "there is no " + std::string(list ? "[[" + shown + "]]" : "[" + shown + ".NAME]"),
                             "add one; `countersign config explain " + shown + "` tells what belongs into it");
        }
    }

    void fill(std::string_view section, const std::string& shown, const toml::table& table, void* target) {
        refuse_unknown(section, shown, table);
        for (const Key& key : keys()) {
            if (key.section != section) continue;
            const std::string full = (shown.empty() ? "" : shown + ".") + std::string(key.name);
            const toml::node* node = table.get(key.name);
            if (node == nullptr) {
                if (key.required)
                    refuse_missing(key, full);
                else if (!key.fallback.empty())
                    key.assign(target, convert_default(key, directory_));
                continue;
            }
            document_.lines[full] = line_of(*node);
            const auto converted = convert(key, *node, directory_);
            if (const auto* complaint = std::get_if<Complaint>(&converted)) {
                document_.refuse(full, complaint->problem, complaint->remedy);
            } else {
                key.assign(target, std::get<Value>(converted));
            }
        }
    }

    void refuse_missing(const Key& key, const std::string& full) {
        std::string remedy = "write " + std::string(key.name) + " = " + example_of(key);
        if (key.name == "mode") remedy += "; an endpoint without a challenge mode would enroll anybody";
        document_.refuse(full, "this key is missing", std::move(remedy));
    }

    void refuse_unknown(std::string_view section, const std::string& shown, const toml::table& table) {
        const std::vector<std::string> known = words_known_in(section);
        for (const auto& [name, node] : table) {
            if (std::ranges::find(known, name.str()) != known.end()) continue;
            const std::string full = (shown.empty() ? "" : shown + ".") + printable(name.str(), 60);
            document_.lines[full] = line_of(node);
            if (const std::string remedy = remedy_for_secret(section, name.str()); !remedy.empty()) {
                document_.refuse(full, "secrets do not belong into this file", remedy);
                continue;
            }
            const std::string near = nearest(name.str(), known);
            document_.refuse(full, "there is no such key",
                             near.empty() ? "known here: " + join(known, ", ") : "did you mean " + near + "?");
        }
    }

    Document& document_;
    std::filesystem::path directory_;
};

}  // namespace

Place Document::place_of(const std::string& key) const {
    std::string above = key;
    while (true) {
        if (const auto found = lines.find(above); found != lines.end()) return {file, found->second, key};
        const auto cut = above.find_last_of(".[");
        if (cut == std::string::npos) return {file, 0, key};
        above.resize(cut);
    }
}

void Document::refuse(const std::string& key, std::string problem, std::string remedy) {
    findings.push_back({FindingLevel::error, place_of(key), std::move(problem), std::move(remedy)});
}

void Document::warn(const std::string& key, std::string problem, std::string remedy) {
    findings.push_back({FindingLevel::warning, place_of(key), std::move(problem), std::move(remedy)});
}

Document read_document(const std::filesystem::path& file, const std::filesystem::path& directory,
                       std::string_view text) {
    Document document;
    document.file = file.string();
    document.settings.file = std::filesystem::absolute(file);
    document.settings.directory = directory;
    try {
        const toml::table root = toml::parse(text, document.file);
        if (root.empty()) {
            document.findings.push_back({FindingLevel::error,
                                         {document.file, 0, ""},
                                         "nothing is configured here yet",
                                         "make an instance, as root for the service: countersign init "
                                         "/var/lib/countersign --config " +
                                             printable(document.file, 200) + " --owner countersign"});
        }
        Reader(document, directory).read(root);
    } catch (const toml::parse_error& error) {
        document.findings.push_back(
            {FindingLevel::error,
             {document.file, error.source().begin.line, ""},
             printable(error.description(), 300),
             "mend the TOML there (column " + std::to_string(error.source().begin.column) + ")"});
    }
    return document;
}

}  // namespace countersign::config
