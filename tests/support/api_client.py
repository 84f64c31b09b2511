"""The JSON API as docs/openapi.json describes it: a client that holds the server to every word of the document."""
import base64
import http.client
import json
import pathlib
import re
import urllib.parse

import jsonschema

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
PASSWORD = "correct horse battery staple"


def basic(user, password=PASSWORD):
    return ("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


class Document:
    def __init__(self, path=DOCUMENT):
        self.json = json.loads(path.read_text())
        self.operations = {operation["operationId"]: (method.upper(), path, operation)
                           for path, methods in self.json["paths"].items()
                           for method, operation in methods.items() if method != "parameters"}

    def resolve(self, node):
        while "$ref" in node:
            target = self.json
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def schema_errors(self, schema, value):
        whole = {"allOf": [schema], "components": self.json["components"]}
        validator = jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker())
        return [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(value)]

    def problems(self, operation_id, answer, method=None):
        """What an answer has that its operation does not promise."""
        described_as, path, operation = self.operations[operation_id]
        described = operation["responses"].get(str(answer.status))
        if described is None:
            return [f"{method or described_as} {path}: status {answer.status} is not described: {answer.body!r}"]
        described = self.resolve(described)
        found = []
        for name, header in described.get("headers", {}).items():
            header = self.resolve(header)
            value = answer.headers.get(name.lower())
            if value is None:
                found += [f"no header {name}"] if header.get("required") else []
            else:
                found += self.schema_errors(header["schema"], value)
        content = described.get("content")
        if not content:
            return found + ([f"a body: {answer.body!r}"] if answer.body else [])
        if answer.content_type not in content:
            return found + [f"content type {answer.content_type!r}"]
        if method == "HEAD":
            return found
        body = answer.body.decode()
        value = json.loads(body) if "json" in answer.content_type else body
        found += self.schema_errors(content[answer.content_type]["schema"], value)
        if answer.content_type == "application/problem+json" and value["status"] != answer.status:
            found.append(f"status {value['status']} in the body of a {answer.status}")
        return found


class ApiClient:
    """Calls operations by their id as one account; keeps what was called and asserts that each answer is as described."""

    def __init__(self, test, instance, user, document, called):
        self.test, self.instance, self.user = test, instance, user
        self.document, self.called = document, called

    def __call__(self, operation_id, body=None, headers=(), raw=None, method=None, address=None, **arguments):
        described_as, path, operation = self.document.operations[operation_id]
        described = self.document.json["paths"][path].get("parameters", []) + operation.get("parameters", [])
        query = []
        for parameter in described:
            if parameter["name"] not in arguments:
                continue
            value = arguments.pop(parameter["name"])
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", urllib.parse.quote(str(value), safe=""))
            else:
                query.append((parameter["name"], value))
        query += arguments.items()  # what the document does not know is sent all the same
        assert not re.search(r"[{}]", path), path
        headers = list(headers)
        if self.user and not any(name == "Authorization" for name, _ in headers):
            headers.append(basic(self.user))
        if body is not None:
            raw = json.dumps(body).encode()
            headers.append(("Content-Type", "application/json"))
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        method = method or described_as
        if method == "POST" and raw is None:
            raw = b""
        answer = self.instance.http(method, target, raw, headers, address=address)
        self.test.assertEqual(self.document.problems(operation_id, answer, method), [], f"{method} {target}")
        if answer.status < 300:
            self.called.add(operation_id)
        answer.json = json.loads(answer.body) if "json" in (answer.content_type or "") and answer.body else None
        return answer


class Minter:
    """Mints many challenges over one connection."""

    def __init__(self, instance, user):
        host, _, port = instance.address.rpartition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=120)
        self.headers = dict([basic(user), ("Content-Type", "application/json")])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def mint(self, **body):
        self.connection.request("POST", "/api/v1/challenges", json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())
