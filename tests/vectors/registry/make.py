"""Writes the registry exports of this folder. They are made by hand from the published layout of NDES's settings; none was
exported from a Windows machine. Run it in this folder after a change."""
import pathlib

here = pathlib.Path(__file__).parent
ROOT = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Cryptography\MSCEP"


def hex_lines(kind, octets, start):
    """regedit's wrapping: 80 columns, two blanks before each further line."""
    words = [f"{octet:02x}" for octet in octets]
    lines, line = [], start + f"{kind}:"
    for i, word in enumerate(words):
        piece = word + ("," if i + 1 < len(words) else "")
        if len(line) + len(piece) > 78:
            lines.append(line + "\\")
            line = "  "
        line += piece
    return "\r\n".join([*lines, line])


def multi(*texts):
    return b"".join(text.encode("utf-16-le") + b"\0\0" for text in texts) + b"\0\0"


def export(*keys, head="Windows Registry Editor Version 5.00"):
    return head + "\r\n\r\n" + "".join(f"[{name}]\r\n" + "".join(line + "\r\n" for line in lines) + "\r\n" for name, lines in keys)


def dword(name, number):
    return (f"{ROOT}\\{name}", [f'"{name}"=dword:{number:08x}'])


default = export(
    (ROOT, ['"SignatureTemplate"="IPSECIntermediateOffline"', '"EncryptionTemplate"="IPSECIntermediateOffline"',
            '"GeneralPurposeTemplate"="IPSECIntermediateOffline"']),
    (f"{ROOT}\\CAInfo", ['"Configuration"="ca01.example.com\\\\Example Issuing CA 1"']),
    dword("CAType", 1), dword("CertsInMYStore", 1), dword("EnforcePassword", 1),
    (f"{ROOT}\\PasswordVDir", ['"PasswordVDir"="CertSrv/mscep_admin"']),
    dword("UseSinglePassword", 0))
(here / "default-utf16.reg").write_bytes(b"\xff\xfe" + default.encode("utf-16-le"))

hardened = export(
    (ROOT, ['"SignatureTemplate"="Device Signature"', '"EncryptionTemplate"="DeviceEncryption"',
            '"GeneralPurposeTemplate"="device signature"', '"Surprise"="who knows"']),
    (f"{ROOT}\\CACapabilitiesAlgorithms",
     [hex_lines("hex(7)", multi("SHA-512", "SHA-256", "AES", "WHIRLPOOL"), '"CACapabilitiesAlgorithms"=')]),
    (f"{ROOT}\\CAInfo", ['"Configuration"="ca01.example.com\\\\M\u00fcller CA"']),
    dword("CAType", 1), dword("EnforcePassword", 1), dword("PasswordLength", 20), dword("PasswordMax", 500),
    dword("PasswordValidity", 0x1e), dword("DisableRenewalSubjectNameMatch", 1), dword("CacheRequest", 20),
    dword("Refresh", 7), dword("RenewalOnly", 1),
    (f"{ROOT}\\HashAlgorithm", [hex_lines("hex(2)", "SHA256\0".encode("utf-16-le"), '"HashAlgorithm"=')]),
    (f"{ROOT}\\Modules", ['"Policy"="NDESPolicy.OTA.1"']),
    (f"{ROOT}\\Modules\\NDESPolicy", ['"NDESCertThumbprint"="0123456789abcdef0123456789abcdef01234567"']),
    (f"{ROOT}\\PasswordVDir", ['"PasswordVDir"="CertSrv/passwords"']))
(here / "hardened-utf8.reg").write_bytes(hardened.encode("utf-8"))

single = export(
    (ROOT, ['"GeneralPurposeTemplate"="WLAN"']),
    dword("EnforcePassword", 1), dword("UseSinglePassword", 1),
    (f"{ROOT}\\EncryptedPassword", [hex_lines("hex", bytes(range(40)), '"EncryptedPassword"=')]),
    (f"{ROOT}\\CAInfo", ['"Configuration"="ca01.example.com\\\\M\u00fcller CA"']),
    (f"{ROOT}\\CACapabilitiesAlgorithms",
     [hex_lines("hex(7)", b"SHA-1\0DES3\0\0", '"CACapabilitiesAlgorithms"=')]), head="REGEDIT4")
(here / "single-password-regedit4.reg").write_bytes(single.encode("cp1252"))

(here / "open.reg").write_bytes(b"\xff\xfe" + export(dword("EnforcePassword", 0), dword("UseSinglePassword", 1),
                                                   dword("PasswordLength", 8), dword("CAType", 0)).encode("utf-16-le"))
