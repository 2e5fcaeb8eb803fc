"""Answers questions about the JSON Schemas of Nova's Compute API, by Nova's own validator.

`schemas.py list` prints all schemas of requests and queries as JSON. `schemas.py check` reads a case in JSON from each line
of its input and prints a line for each: "valid", "none" if Nova has no schema for it, or the message of the error.
"""

import json
import sys
import warnings

warnings.simplefilter("ignore")

from nova import exception  # noqa: E402
from nova.api.openstack import api_version_request  # noqa: E402
from nova.api.openstack.compute import routes  # noqa: E402
from nova.api.validation import validators  # noqa: E402

ATTRIBUTES = {
    "request": "request_body_schemas",
    "query": "request_query_schemas",
    "response": "response_body_schemas",
}


def find_methods():
    """Yields HTTP method, path, key of the action or None, and Python method of each route."""
    for path, methods in routes.ROUTE_LIST:
        # A string is the target of a redirection.
        if isinstance(methods, str):
            continue
        for http_method, (create, name) in methods.items():
            controller, subcontrollers = create.args
            if name != "action":
                yield http_method, path, None, getattr(controller, name)
                continue
            for owner in [controller, *subcontrollers]:
                for key, method_name in owner.wsgi_actions.items():
                    yield http_method, path, key, getattr(owner, method_name)


def schemas_of(method, kind):
    """Decorators pass on the attributes of the method that they wrap."""
    schemas = getattr(method, ATTRIBUTES[kind], None)
    return schemas._schemas if schemas is not None else []


def minor(version):
    return None if version.is_null() else version.ver_minor


def as_json(method, kind):
    return [
        {"schema": schema, "since": minor(since), "until": minor(until)}
        for schema, since, until in schemas_of(method, kind)
    ]


def list_schemas():
    return [
        {
            "method": http_method,
            "path": path,
            "action": action,
            "request": as_json(method, "request"),
            "query": as_json(method, "query"),
            "responses": len(schemas_of(method, "response")),
        }
        for http_method, path, action, method in find_methods()
    ]


def select(method, kind, version):
    asked = api_version_request.APIVersionRequest(f"2.{version}")
    for schema, since, until in schemas_of(method, kind):
        if asked.matches(since, until):
            return schema
    return None


def check(methods, case):
    method = methods.get((case["method"], case["path"], case["action"]))
    schema = method and select(method, case["kind"], case["version"])
    if schema is None:
        return "none"
    try:
        validators._SchemaValidator(schema, False, case["kind"] != "query").validate(case["value"])
    except exception.ValidationError as error:
        return error.format_message()
    return "valid"


def main():
    if sys.argv[1:] == ["list"]:
        print(json.dumps(list_schemas()))
        return
    methods = {(http_method, path, action): method for http_method, path, action, method in find_methods()}
    for line in sys.stdin:
        print(json.dumps(check(methods, json.loads(line))))


main()
