"""roc-validator's judgement of an RO-Crate, also without a network: the JSON-LD context is then the copy rocrate has.

    python scripts/checks/validate_crate.py CRATE

Runs in a Python with `pip install roc-validator rocrate`: roc-validator wants another rich than import-linter, which
the tests need.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import rdflib.plugins.shared.jsonld.context as jsonld_context
import rdflib.plugins.shared.jsonld.util as jsonld_util
import requests
import rocrate
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

CONTEXT = (Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes()


def is_context(url: Any) -> bool:
    return isinstance(url, str) and url.startswith("https://w3id.org/ro/crate/")


def answer(requester: Any, url: str, **options: Any) -> requests.Response:
    if not is_context(url):
        return requester.session.get(url, **options)
    made = requests.Response()
    made.status_code, made._content, made.url = 200, CONTEXT, url
    made.headers["Content-Type"] = "application/ld+json"
    return made


def source_to_json(source: Any, *rest: Any, **options: Any) -> Any:
    return (json.loads(CONTEXT), None) if is_context(source) else READ(source, *rest, **options)


READ = jsonld_util.source_to_json
jsonld_util.source_to_json = jsonld_context.source_to_json = source_to_json
HttpRequester.get = answer

if __name__ == "__main__":
    settings = {"rocrate_uri": sys.argv[1], "profile_identifier": "ro-crate-1.1"}
    severity = models.Severity.RECOMMENDED
    found = services.validate(services.ValidationSettings(requirement_severity=severity, **settings)).get_issues()
    required = [i.message for i in found if i.severity == models.Severity.REQUIRED]
    recommended = [i.message for i in found if i.severity == severity]
    print(
        f"roc-validator {version('roc-validator')}: required {len(required)}, recommended {len(recommended)}",
        *dict.fromkeys([*required, *recommended]),
        sep="; ",
    )
