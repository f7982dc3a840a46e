#!/usr/bin/env python3
"""Writes what a request has to be compared with, from the service models of an installed botocore.

    python3 src/aws/table/generate.py        (needs botocore; writes the three files beside it)

Facts only, one a line, sorted by bytes, so that a look-up is a binary search and a new version of
botocore is a diff that can be read:

services.txt    service endpoint-prefix protocols api-version [partitions in which it is global]
names.txt       kind name service...
                    host      the labels of a host before its region, without FIPS, dual stack, account
                    signing   the service of a credential scope, or `-` for calls without a signature
                    target    the prefix of X-Amz-Target, or all of it where services share the prefix
                    version   the Version of a query
                The service that is called most stands first.
operations.txt  service method uri operation [what else it must have]
                    {Name} a label, {Name+} one with slashes, both by the name of botocore's member;
                    ?name a parameter of the query, @name a header, .name a label of the host
                Only the protocols that are told by method and URI; the others say their operation.
"""

import collections
import pathlib
import re

import botocore
import botocore.loaders
import botocore.session

HERE = pathlib.Path(__file__).parent

# Of services that cannot be told apart, the one that is called more; the rest follow by name.
COMMON = [
    "rds", "s3", "lambda", "ses", "sesv2", "elbv2", "dynamodb", "sagemaker", "bedrock-runtime",
    "bedrock-agent", "bedrock", "kinesisvideo", "greengrassv2", "opensearch", "lexv2-models",
    "chime-sdk-voice", "chime-sdk-messaging", "qconnect", "cloudsearch", "kinesisanalyticsv2",
    "pinpoint-sms-voice-v2", "pinpoint-sms-voice", "sdb", "apigateway", "timestream-write",
    "connect", "wellarchitected", "iot-data", "ivs", "signer",
]  # fmt: skip

REST = ("rest-json", "rest-xml")
NO_AUTH = "smithy.api#noAuth"
SHORT = {"smithy-rpc-v2-cbor": "cbor"}

# A representative of each partition, to ask where a service has one endpoint for all regions.
PARTITIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
}

SUFFIXES = sorted(
    [
        "amazonaws.com.cn", "amazonaws.com", "api.aws", "api.amazonwebservices.com.cn", "on.aws",
        "amazonaws.eu", "api.amazonwebservices.eu", "c2s.ic.gov", "api.aws.ic.gov",
        "sc2s.sgov.gov", "api.aws.scloud", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk",
        "csp.hci.ic.gov", "api.aws.hci.ic.gov", "aws.amazon.com",
        "signin.aws", "amazonaws.cn", "amazonaws-eusc.eu", "amazonaws-us-gov.com", "c2shome.ic.gov",
        "sc2shome.sgov.gov", "csphome.adc-e.uk", "csphome.hci.ic.gov",
    ],
    key=len,
    reverse=True,
)  # fmt: skip
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d+$")


# What SDKs do and the models do not say.
BESIDE_THE_MODELS = [
    "cloudsearchdomain POST /2013-01-01/search Search",
]


def main():
    session = botocore.session.get_session()
    resolver = session.get_component("endpoint_resolver")
    loader = session.get_component("data_loader")
    endpoints = loader.load_data("endpoints")
    services, calls, found = [], [], Index()
    for name in sorted(loader.list_available_services("service-2")):
        # A loader keeps all it has read, which is gigabytes.
        loader = botocore.loaders.create_loader()
        model = loader.load_service_model(name, "service-2")
        rules = loader.load_service_model(name, "endpoint-rule-set-1")
        services.append(service(name, model["metadata"], resolver))
        calls.extend(operations(name, model))
        found.add(name, model, rules, endpoints)
    write("services.txt", services)
    write("names.txt", found.lines())
    write("operations.txt", calls + BESIDE_THE_MODELS)


def write(name, lines):
    lines = sorted(set(lines), key=str.encode)
    head = f"# {name}, from the service models of botocore {botocore.__version__}; see generate.py"
    (HERE / name).write_text("\n".join([head, *lines]) + "\n", encoding="ascii")


def protocols(metadata):
    spoken = metadata.get("protocols") or [metadata["protocol"]]
    if "awsQueryCompatible" in metadata and "query" not in spoken:
        spoken = [*spoken, "query"]
    return [SHORT.get(protocol, protocol) for protocol in spoken]


def service(name, metadata, resolver):
    line = [name, metadata["endpointPrefix"], ",".join(protocols(metadata)), metadata["apiVersion"]]
    where = [p for p, region in PARTITIONS.items() if is_global(line[1], p, region, resolver)]
    return " ".join(line + ([",".join(where)] if where else []))


def is_global(prefix, partition, region, resolver):
    """Whether the SDK calls the region `aws-global` (or `aws-cn-global`, ...) there."""
    resolved = resolver.construct_endpoint(prefix, region)
    return bool(resolved) and resolved["endpointName"] == f"{partition}-global"


class Index:
    """Which services answer to a name."""

    def __init__(self):
        self.found = collections.defaultdict(set)
        self.targets = collections.defaultdict(dict)

    def add(self, name, model, rules, endpoints):
        metadata = model["metadata"]
        names = [("signing", metadata.get("signingName", metadata["endpointPrefix"]))]
        names += [("signing", text) for text in values(rules, "signingName") if "{" not in text]
        names += [("host", host) for host in hosts(name, model, rules, endpoints)]
        if any(NO_AUTH in o.get("auth", ()) for o in model["operations"].values()):
            names.append(("signing", "-"))
        if {"query", "ec2"} & set(protocols(metadata)):
            names.append(("version", metadata["apiVersion"]))
        for each in names:
            self.found[each].add(name)
        if "targetPrefix" in metadata:
            self.targets[metadata["targetPrefix"]][name] = list(model["operations"])

    def lines(self):
        for target, services in self.targets.items():
            for name, named in services.items():
                for each in [""] if len(services) == 1 else ["." + one for one in named]:
                    self.found["target", target + each].add(name)
        for (kind, name), services in self.found.items():
            yield " ".join([kind, name, *sorted(services, key=common)])


def common(name):
    return (COMMON.index(name) if name in COMMON else len(COMMON), name)


def values(rules, key):
    """Every text under `key`, at any depth."""
    if isinstance(rules, dict):
        for name, value in rules.items():
            if name == key and isinstance(value, str):
                yield value
            else:
                yield from values(value, key)
    elif isinstance(rules, list):
        for value in rules:
            yield from values(value, key)


def hosts(name, model, rules, endpoints):
    prefix = model["metadata"]["endpointPrefix"]
    found = {prefix}
    urls = [url for url in values(rules, "url") if re.match(r"https://[^/]*\.", url)]
    found.update(filter(None, (labels(url) for url in urls)))
    for partition in endpoints["partitions"]:
        entry = partition["services"].get(name) or partition["services"].get(prefix) or {}
        for key in ("hostname", "sslCommonName"):
            for value in values(entry, key):
                text = value.replace("{service}", prefix).replace("{dnsSuffix}", "amazonaws.com")
                found.update(filter(None, [labels("https://" + text)]))
    whole = list(found)
    for operation in model["operations"].values():
        # `data-` joins the label behind it, `api.` is one of its own.
        host = re.sub(r"\{[^}]*\}\.?", "", operation.get("endpoint", {}).get("hostPrefix", ""))
        if host:
            found.update(host + known for known in whole)
    return found


def labels(url):
    """What a host has before its region, or behind it in the old form, without what varies."""
    host = url.removeprefix("https://").split("/")[0]
    host = re.sub(r"\{Region\}|\{region\}|\{[A-Za-z]*#(implicitGlobalRegion|region)\}", "us-east-1", host)
    host = re.sub(r"\{[A-Za-z]*#(dnsSuffix|dualStackDnsSuffix)\}", "amazonaws.com", host)
    suffix = next((s for s in SUFFIXES if host.endswith("." + s)), None)
    if suffix is None:
        return None
    parts = host.removesuffix("." + suffix).split(".")
    while len(parts) > 1 and (parts[-1] in ("global", "us-gov") or REGION.match(parts[-1])):
        parts.pop()
    if len(parts) > 1 and REGION.match(parts[-2]):
        parts.pop(-2)
    parts = [re.sub(r"^fips-|-fips$", "", p) for p in parts if p not in ("fips", "dualstack")]
    while parts and parts[0].startswith("{") and not parts[0].startswith("{OperationType}"):
        parts.pop(0)
    host = re.sub(r"\{[A-Za-z]*Suffix(Value)?\}", "", ".".join(parts))
    host = host.replace("-fips", "").replace("{OperationType}", "data")
    return None if "{" in host or REGION.match(host) else host or None


def operations(name, model):
    if not set(REST) & set(protocols(model["metadata"])):
        return []
    same = collections.defaultdict(list)
    for operation, spec in model["operations"].items():
        uri = spec["http"]["requestUri"]
        shape = re.sub(r"\{[^}]*\+\}", "{+}", re.sub(r"\{[^}+]*\}", "{}", uri)).rstrip("/")
        same[spec["http"]["method"], shape].append(operation)
    lines = []
    for (method, _), alike in same.items():
        # An old name of the same call: the new one is used.
        current = [o for o in alike if not model["operations"][o].get("deprecated")] or alike
        for operation in current:
            lines.append(rest(name, method, operation, model, current))
    return lines


def rest(name, method, operation, model, alike):
    spec = model["operations"][operation]
    members = model["shapes"][spec["input"]["shape"]] if "input" in spec else {}
    uri = spec["http"]["requestUri"]
    required = []
    for member, shape in members.get("members", {}).items():
        wire = shape.get("locationName", member)
        if shape.get("location") == "uri":
            uri = re.sub(r"\{" + re.escape(wire) + r"(\+?)\}", "{" + member + r"\1}", uri)
        elif member in members.get("required", []) and (len(alike) > 1 or name == "s3"):
            if shape.get("location") == "querystring":
                required.append("?" + wire)
            elif shape.get("location") == "header":
                required.append("@" + wire.lower())
    if operation == "ListDirectoryBuckets":
        required.append(".s3express-control")
    return " ".join([name, method, uri, operation, *sorted(required)])


if __name__ == "__main__":
    main()
