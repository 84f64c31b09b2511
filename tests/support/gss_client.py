"""The client's side of a GSSAPI sign-in, one token a line in base64: gss_client.py MECHANISM SERVICE [BINDING].

MECHANISM is "spnego", "kerberos" or "ntlm"; SERVICE is "HTTP@host"; BINDING is the application data of the channel bindings, in
hexadecimal. Writes the first token, then answers each of the server's that it reads. For ntlm, the environment's GSS_USER
("DOMAIN\\user") and GSS_PASSWORD say who signs in. Runs under any Python that has the gssapi module (python3-gssapi).
"""
import base64
import os
import sys

import gssapi
from gssapi import raw

MECHANISMS = {"spnego": "1.3.6.1.5.5.2", "kerberos": "1.2.840.113554.1.2.2", "ntlm": "1.3.6.1.4.1.311.2.2.10"}


def main():
    words = dict(enumerate(sys.argv))
    mechanism = gssapi.OID.from_int_seq(MECHANISMS[words[1]])
    bindings = raw.ChannelBindings(application_data=bytes.fromhex(words[3])) if 3 in words else None
    credentials = None
    if words[1] == "ntlm":
        user = gssapi.Name(os.environ["GSS_USER"], gssapi.NameType.user)
        acquired = raw.acquire_cred_with_password(user, os.environ["GSS_PASSWORD"].encode(), mechs=[mechanism], usage="initiate")
        credentials = gssapi.Credentials(acquired.creds)
    context = gssapi.SecurityContext(name=gssapi.Name(words[2], gssapi.NameType.hostbased_service), mech=mechanism,
                                     creds=credentials, usage="initiate", channel_bindings=bindings,
                                     flags=gssapi.RequirementFlag.mutual_authentication)
    token = context.step()
    while token:
        print(base64.b64encode(token).decode(), flush=True)
        answer = sys.stdin.readline().strip()
        if not answer:
            return
        token = context.step(base64.b64decode(answer))
    print("done" if context.complete else "", flush=True)


main()
