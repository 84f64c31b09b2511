// A CA run by `openssl ca`: it revokes and publishes lists of any kind, made by another hand than ours.
#pragma once

#include "countersign/crypto/certificate.hpp"
#include "openssl_command.hpp"

#include <string>
#include <string_view>

namespace countersign::test {

class OpensslCrlCa {
public:
    static constexpr auto quick_key = "ec -pkeyopt ec_paramgen_curve:P-256";

    // `extensions` of the CA's certificate, as lines of an extension section.
    explicit OpensslCrlCa(const std::string& subject = "/O=Example/CN=Their CA", const std::string& extensions = "",
                          const std::string& key = quick_key) {
        openssl_.write("ca.cnf", configuration(extensions));
        openssl_.write("index.txt", std::string_view(""));
        openssl_.write("crlnumber", std::string_view("1001\n"));
        must("req -x509 -newkey " + key + " -nodes -keyout ca.key -out ca.pem -days 36500 -subj '" + subject +
             "' -config ca.cnf -extensions authority");
    }

    crypto::Certificate certificate() const {
        return crypto::Certificate::from_pem(as_text(openssl_.read("ca.pem"))).value();
    }

    // `serial`: an even number of capital hexadecimal digits. `when`: "261101120000Z", and ",keyCompromise" behind it.
    void revoke(const std::string& serial, const std::string& when = "261101120000Z") {
        index_ += "R\t401101120000Z\t" + when + "\t" + serial + "\tunknown\t/CN=device-" + serial + "\n";
        openssl_.write("index.txt", std::string_view(index_));
    }

    struct List {
        std::string from = "261121050000Z";
        std::string to = "261122050000Z";
        std::string number = "";      // hexadecimal; empty: the next one
        std::string extensions = "";  // lines, beside authorityKeyIdentifier; [idp] and other sections may follow
        bool bare = false;            // version 1
        std::string options = "";
    };
    Bytes list(const List& how) {
        if (!how.number.empty()) openssl_.write("crlnumber", std::string_view(how.number + "\n"));
        auto text = configuration("") + "[list]\nauthorityKeyIdentifier = keyid\n" + how.extensions + "\n";
        const std::string counting = "crlnumber = crlnumber\n";
        if (how.bare) text.erase(text.find(counting), counting.size());
        openssl_.write("crl.cnf", std::string_view(text));
        must("ca -gencrl -config crl.cnf -out crl.pem -crl_lastupdate " + how.from + " -crl_nextupdate " + how.to +
             (how.bare ? "" : " -crlexts list") + " " + how.options);
        must("crl -in crl.pem -outform DER -out crl.der");
        return openssl_.read("crl.der");
    }
    Bytes list() { return list(List()); }
    Bytes pem() const { return openssl_.read("crl.pem"); }

    // A certificate this CA issued. `extensions`: lines.
    crypto::Certificate issue(const std::string& serial, const std::string& extensions = "") {
        openssl_.write("device.cnf", "[device]\nextendedKeyUsage = clientAuth\n" + extensions + "\n");
        must("req -newkey " + std::string(quick_key) +
             " -nodes -keyout device.key -subj /CN=device -out device.csr -config ca.cnf");
        must("x509 -req -in device.csr -CA ca.pem -CAkey ca.key -set_serial 0x" + serial +
             " -days 3650 -extfile device.cnf -extensions device -out device.pem");
        return crypto::Certificate::from_pem(as_text(openssl_.read("device.pem"))).value();
    }

private:
    static std::string configuration(const std::string& extensions) {
        return "[ca]\ndefault_ca = here\n[here]\ndatabase = index.txt\ncrlnumber = crlnumber\ncertificate = ca.pem\n"
               "private_key = ca.key\ndefault_md = sha256\ndefault_crl_days = 1\n[req]\ndistinguished_name = "
               "name\nprompt = no\n[name]\nCN = nobody\n[authority]\nbasicConstraints = "
               "critical,CA:TRUE\nsubjectKeyIdentifier = hash\n" +
               extensions + "\n";
    }
    void must(const std::string& arguments) const {
        const auto answer = openssl_.run(arguments);
        if (answer.status != 0) throw std::runtime_error("openssl " + arguments + "\n" + answer.text);
    }

    OpensslCommand openssl_;
    std::string index_;
};

}  // namespace countersign::test
