#!/usr/bin/env python3
"""Writes where services are that are not where their name says, from the endpoint rules of an
installed botocore.

    python3 src/resign/generate.py        (needs boto3; writes hosts.txt beside it, in a minute)

Facts only, one a line, sorted, five fields:

    SERVICE WHERE HOST REGION OPERATIONS

In the region or the partition WHERE, or in all partitions of which no other line of the service is
(`*`), HOST serves these operations, or all that no other line names (`*`), and wants them signed
for REGION. `{region}` is the region of the call, `{suffix}` and `{dual}` are what hosts of its
partition end with, as they always did and with both families of addresses. HOST is `-` where a part
of it is named in the body alone.
"""

import collections
import pathlib

import boto3
import botocore
import botocore.exceptions
import botocore.session
import jmespath.exceptions

HERE = pathlib.Path(__file__).parent

# Regions of each partition; what is the same in all of them is said of the partition.
PARTITIONS = {
    "aws": ("us-east-1", "us-west-2", "eu-central-1"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-eusc": ("eusc-de-east-1",),
    "aws-iso": ("us-iso-east-1",),
    "aws-iso-b": ("us-isob-east-1",),
    "aws-iso-e": ("eu-isoe-west-1",),
    "aws-iso-f": ("us-isof-south-1",),
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1"),
}
# What hosts end with, and those with both families of addresses.
SUFFIXES = {
    "aws": ("amazonaws.com", "api.aws"),
    "aws-cn": ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "aws-eusc": ("amazonaws.eu", "api.amazonwebservices.eu"),
    "aws-iso": ("c2s.ic.gov", "api.aws.ic.gov"),
    "aws-iso-b": ("sc2s.sgov.gov", "api.aws.scloud"),
    "aws-iso-e": ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    "aws-iso-f": ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    "aws-us-gov": ("amazonaws.com", "api.aws"),
}
# S3's hosts are made of buckets and accounts; the others are not signed for by SigV4.
LEFT_OUT = {"codecatalyst", "importexport", "s3", "s3control"}


def main():
    session = botocore.session.get_session()
    lines = []
    for name in session.get_available_services():
        if name not in LEFT_OUT:
            prefix = session.get_service_model(name).metadata["endpointPrefix"]
            lines.extend(" ".join([name, *line]) for line in service(name, prefix))
    head = f"# hosts.txt, from the rules of botocore {botocore.__version__}; see generate.py"
    (HERE / "hosts.txt").write_text("\n".join([head, *sorted(lines)]) + "\n", encoding="ascii")


def service(name, prefix):
    """The lines of a service, without its name."""
    usual = (f"{prefix}.{{region}}.{{suffix}}", "{region}", "*")
    partitions = {}
    for partition, regions in PARTITIONS.items():
        found = {region: places(name, region, partition) for region in regions}
        partitions[partition], odd = summary(found)
        for region, lines in odd.items():
            yield from ((region, *line) for line in lines)
    counts = collections.Counter(frozenset(lines) for lines in partitions.values())
    most, _ = counts.most_common(1)[0]
    if most != {usual}:
        yield from (("*", *line) for line in most)
    for partition, lines in partitions.items():
        if set(lines) != most:
            yield from ((partition, *line) for line in lines)


def summary(found):
    """What can be said of a partition, and what of single regions: host, region, operations."""
    whole, odd = {}, {region: {} for region in found}
    for operation in next(iter(found.values())):
        known = {region: places[operation] for region, places in found.items()}
        place = common([host for host, _ in known.values()], known), common_region(known)
        if None not in place:
            whole[operation] = place
        else:
            for region, (host, signed) in known.items():
                place = host.replace(region, "{region}"), signed.replace(region, "{region}")
                odd[region][operation] = place
    # All that are not named elsewhere may only be said where all are.
    rest = ["*"] if not whole else []
    odd = {region: grouped(known, *rest) for region, known in odd.items() if known}
    return grouped(whole, "*"), odd


def common(hosts, regions):
    """One host for all, or one that has each region in it."""
    templates = {host.replace(region, "{region}") for host, region in zip(hosts, regions)}
    return templates.pop() if len(templates) == 1 else hosts[0] if len(set(hosts)) == 1 else None


def common_region(known):
    if all(signed == region for region, (_, signed) in known.items()):
        return "{region}"
    signed = {signed for _, signed in known.values()}
    return signed.pop() if len(signed) == 1 else None


def grouped(places, rest=None):
    """The places of operations, each once; the most common for the `rest` that no other is for."""
    same = collections.defaultdict(list)
    for operation, place in sorted(places.items()):
        same[place].append(operation)
    most = max(same, key=lambda place: len(same[place]), default=None)
    return [
        (*place, rest if rest and place == most else ",".join(operations))
        for place, operations in same.items()
    ]


def places(name, region, partition):
    """Host and region of each operation, where nothing is said but what all calls say."""
    client = boto3.client(
        name, region_name=region, aws_access_key_id="none", aws_secret_access_key="none"
    )
    model, rules = client.meta.service_model, client._ruleset_resolver
    found = {}
    for operation in map(model.operation_model, model.operation_names):
        url, signed = client.meta.endpoint_url, client._request_signer._region_name
        try:
            endpoint = rules.construct_endpoint(operation, {}, {})
            url = endpoint.url
            schemes = endpoint.properties.get("authSchemes")
            if schemes:
                _, context = rules.auth_schemes_to_signing_ctx(schemes)
                signed = context.get("region") or signed
        except (
            botocore.exceptions.EndpointProviderError,
            botocore.exceptions.UnknownSignatureVersionError,
            botocore.exceptions.UnsupportedSignatureVersionError,
            jmespath.exceptions.JMESPathError,
        ):
            pass  # The rules want more than that: the host of the client, then.
        before = (operation.endpoint or {}).get("hostPrefix", "")
        host = before + url.split("//")[1].split("/")[0]
        found[operation.name] = ("-" if "{" in host else suffixed(host, partition), signed)
    return found


def suffixed(host, partition):
    old, dual = SUFFIXES[partition]
    for suffix, word in ((dual, "{dual}"), (old, "{suffix}")):
        if host.endswith("." + suffix):
            return host.removesuffix(suffix) + word
    return host


if __name__ == "__main__":
    main()
