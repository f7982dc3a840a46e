#!/usr/bin/env python3
"""Makes table.txt: which parameters are recorded, and where they are on the wire.

    generate.py AWS_PARAMETERS.JSON > table.txt

Joins what the X-Ray SDKs record (the argument: service, operation, parameter, what is taken of it,
and under which key) with botocore's service models, which know where a parameter is written. The
Python SDK's rows come first; a row of another SDK counts if its parameter is a member of the
operation, and its key is not taken. Needs botocore.

A row of the table, sorted by bytes:

    service operation direction key capture type place [path [entry]]

    direction   > request, < response
    capture     value, count (of a list) or keys (of a map)
    type        of the parameter: boolean integer list map string structure
    place       label:NAME query:NAME header:NAME body:NAME (a member of a JSON or CBOR body)
                payload (the whole body) or status
    path        of the parameter in a form and in XML, / between the names; that of a list or a map
                ends with the name of its elements
    entry       what is in each element: KEY,VALUE of a map; of a list whose value is taken a type,
                or NAME:TYPE,… of structures
"""

import json
import sys

import botocore
import botocore.session

# SQS spoke the query protocol before it spoke JSON, and still answers it; newer models no longer
# have its names. Source: SQS API reference of 2012-11-05, requests and responses in query form.
SQS_LISTS = {
    "AttributeNameList": "AttributeName",
    "BatchResultErrorEntryList": "BatchResultErrorEntry",
    "MessageAttributeNameList": "MessageAttributeName",
    "MessageList": "Message",
    "QueueUrlList": "QueueUrl",
    "SendMessageBatchRequestEntryList": "SendMessageBatchRequestEntry",
    "SendMessageBatchResultEntryList": "SendMessageBatchResultEntry",
}
SQS_MAPS = {"MessageBodyAttributeMap": "MessageAttribute", "QueueAttributeMap": "Attribute"}

# The Node.js SDK's spelling of a key that the Python SDK's row gives as well.
SPELLINGS = {"queue_owner_a_w_s_account_id"}

PLACES = {"uri": "label", "querystring": "query", "header": "header"}
TYPES = {"long": "integer"}


def kind(shape):
    return TYPES.get(shape.type_name, shape.type_name)


def path(service, name, shape, capture):
    """Where the member is in a form and in XML, and what its elements are made of."""
    name = shape.serialization.get("name", name)
    if shape.type_name == "list":
        flat = shape.serialization.get("flattened")
        element = shape.member.serialization.get("name", None if flat else "member")
        element = SQS_LISTS[shape.name] if service == "sqs" else element
        full = (element or name) if flat else f"{name}/{element}"
        if capture == "count":
            return [full]
        if shape.member.type_name != "structure":
            return [full, kind(shape.member)]
        members = shape.member.members.items()
        assert all(kind(member) in ("boolean", "integer", "string") for _, member in members)
        return [full, ",".join(f"{name}:{kind(member)}" for name, member in members)]
    if shape.type_name == "map":
        assert service == "sqs", "only of SQS is it known"
        return [SQS_MAPS[shape.name], "Name,Value"]
    assert shape.type_name != "structure"
    return [name]


def place(service, protocol, model, name, capture):
    """The columns that say where the member `name` is written."""
    shape = model.members[name]
    location = shape.serialization.get("location")
    if location == "statusCode":
        return ["status"]
    if location:
        written = shape.serialization["name"]
        # Headers are looked up in lower case.
        written = written.lower() if location == "header" else written
        return [f"{PLACES[location]}:{written}"]
    if model.serialization.get("payload") == name:
        assert shape.type_name in ("string", "blob")
        return ["payload"]
    assert model.serialization.get("payload") is None
    columns = [f"body:{shape.serialization.get('name', name)}"]
    if service == "sqs" or protocol in ("query", "ec2", "rest-xml"):
        columns += path(service, name, shape, capture)
    return columns


def rows(parameters):
    session = botocore.session.get_session()
    for service, operations in parameters["services"].items():
        model = session.get_service_model(service)
        for operation, captures in operations["operations"].items():
            # Some SDKs list operations by the names of their own methods.
            if operation not in model.operation_names:
                continue
            shapes = model.operation_model(operation)
            taken = set(SPELLINGS)
            for capture in sorted(captures, key=lambda row: "python" not in row["sdks"]):
                request = capture["from"] == "request"
                shape = shapes.input_shape if request else shapes.output_shape
                name, key = capture["parameter"], capture["output_key"]
                member = shape and shape.members.get(name)
                if member is None or key in taken:
                    continue
                taken.add(key)
                where = place(service, model.protocol, shape, name, capture["capture"])
                how = [key, capture["capture"], kind(member)]
                yield " ".join([service, operation, "<>"[request], *how, *where])


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        parameters = json.load(file)
    version = f"format {parameters['format']}"
    print(f"# Made by generate.py of aws_parameters.json {version} and botocore", end=" ")
    print(botocore.__version__)
    print("\n".join(sorted(rows(parameters))))


if __name__ == "__main__":
    main()
