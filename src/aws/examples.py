#!/usr/bin/env python3
"""Makes examples.jsonl: calls as boto3 writes them and moto answers them, and what is recorded.

    examples.py AWS_PARAMETERS.JSON [SERVICE…] >> examples.jsonl

Each line is a call: its request and response as they are on the wire, the fields of both, and its
outcome. Then follow the other operations of the argument, with requests of invented parameters and
without responses. The fields are computed of the program's parameters and of the parsed response, by the rows
of the argument; what the X-Ray SDK for Python recorded of the same call must agree, or this fails.
Needs boto3, moto and aws_xray_sdk; versions of botocore before 1.31 give SQS in its query form.
"""

import json
import sys
from io import BytesIO
from urllib.parse import quote, urlencode, urlsplit
from zipfile import ZipFile

import boto3
import botocore
import moto
from aws_xray_sdk.core import patch, xray_recorder
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParser, ResponseParserError

# Headers that have nothing to do with what is read.
DULL = {
    "accept", "accept-encoding", "authorization", "access-control-allow-origin", "connection",
    "content-type", "date", "host", "server", "user-agent", "x-amz-content-sha256", "x-amz-date",
    "x-amz-sdk-checksum-algorithm", "x-amz-user-agent", "x-amzn-query-mode", "expect",
    "amz-sdk-invocation-id", "amz-sdk-request", "access-control-allow-methods",
    "access-control-expose-headers", "x-amz-crc32", "x-amz-security-token", "x-amzn-trace-id",
}


class Silent:
    """Takes the SDK's segments and sends them nowhere."""

    def send_entity(self, entity):
        del entity


class Calls:
    """Makes calls and writes down what they were."""

    def __init__(self, path, services):
        with open(path, encoding="utf-8") as file:
            self.rows = json.load(file)["services"]
        self.services = services
        self.seen, self.done = {}, set()
        parse = ResponseParser.parse

        def parsing(parser, response, shape):
            self.seen.setdefault("response", dict(response))
            return parse(parser, response, shape)

        ResponseParser.parse = parsing

    def client(self, service):
        client = boto3.client(
            service,
            region_name="us-east-1",
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
            config=Config(parameter_validation=False, retries={"max_attempts": 1, "mode": "standard"}),
        )
        client.meta.events.register_first("before-send.*", self.sent)
        client.meta.events.register_last("provide-client-params.*", self.called)
        return client

    def called(self, params, model, **_):
        self.seen = {"params": dict(params), "model": model}

    def sent(self, request, **_):
        self.seen["request"] = request

    def call(self, service, operation, **params):
        if self.services and service not in self.services:
            return None
        client = self.client(service)
        method = next(
            name for name, of in client.meta.method_to_api_mapping.items() if of == operation
        )
        segment = xray_recorder.begin_segment("examples")
        parsed, error = {}, None
        try:
            parsed = getattr(client, method)(**params)
        except ClientError as refused:
            error = refused
        except ResponseParserError as broken:
            # Old versions of moto answer a few calls with XML that is none.
            print(operation, broken, file=sys.stderr)
            xray_recorder.end_segment()
            return None
        recorded = dict(segment.subsegments[0].aws)
        xray_recorder.end_segment()
        print(json.dumps(self.line(service, operation, parsed, error, recorded)))
        self.done.add((service, operation))
        return parsed

    def rest(self):
        """Writes down the requests of the operations that have not been called."""
        for service, operations in self.rows.items():
            client = self.client(service)
            for operation, rows in operations["operations"].items():
                known = operation in client.meta.service_model.operation_names
                wanted = not self.services or service in self.services
                if known and wanted and (service, operation) not in self.done:
                    print(json.dumps(self.request(client, service, operation, rows)))

    def request(self, client, service, operation, rows):
        model = client.meta.service_model.operation_model(operation)
        shape = model.input_shape
        names = {row["parameter"] for row in rows if row["from"] == "request"}
        params = {
            name: invented(name, member)
            for name, member in (shape.members.items() if shape else ())
            if name in names or name in shape.required_members
        }
        written = client._serializer.serialize_to_request(params, model)
        body = written["body"] or b""
        body = urlencode(body) if isinstance(body, dict) else body
        return {
            "service": service,
            "operation": operation,
            "protocol": protocol(model),
            "labels": labels(shape, params),
            "query": urlencode(written["query_string"], quote_via=quote),
            "request_headers": headers({**written["headers"], "Content-Length": str(len(body))}),
            "request_body": text(body),
            "request_fields": fields(rows, "request", shape, params),
        }

    def line(self, service, operation, parsed, error, recorded):
        request, response, model = (self.seen[key] for key in ("request", "response", "model"))
        rows = self.rows.get(service, {"operations": {}})["operations"].get(operation, [])
        fields_in = fields(rows, "request", model.input_shape, self.seen["params"])
        fields_out = fields(rows, "response", model.output_shape, parsed)
        ids = {key: recorded.pop(key, None) or None for key in ("request_id", "id_2")}
        recorded = {key: value for key, value in recorded.items() if key not in ("operation", "region")}
        for key, value in recorded.items():
            value = list(value) if isinstance(value, type({}.keys())) else value
            assert {**fields_in, **fields_out}[key] == value, (operation, key, value)
        url = urlsplit(request.url)
        return {
            "service": service,
            "operation": operation,
            "protocol": protocol(model),
            "labels": labels(model.input_shape, self.seen["params"]),
            "query": url.query,
            "request_headers": headers(request.headers),
            "request_body": text(request.body),
            "status": response["status_code"],
            "response_headers": headers(response["headers"]),
            "response_body": text(response["body"]),
            "request_fields": fields_in,
            "response_fields": fields_out,
            "ids": ids,
            "error": error
            and {
                "code": error.response["Error"]["Code"],
                "message": error.response["Error"].get("Message"),
                "class": type(error).__name__,
            },
        }


def fields(rows, side, shape, actual):
    """What is recorded of `actual`: the SDK for Python's rows, then the others'."""
    found = {}
    for row in sorted(rows, key=lambda row: "python" not in row["sdks"]):
        name, key = row["parameter"], row["output_key"]
        known = shape is not None and name in shape.members
        if row["from"] == side and known and name in actual and key not in found:
            if key == "queue_owner_a_w_s_account_id":
                continue
            take = {"count": len, "keys": list, "value": lambda value: value}[row["capture"]]
            found[key] = take(actual[name])
    return found


def protocol(model):
    """The protocol that is spoken, which old versions of botocore do not choose."""
    service = model.service_model
    return getattr(service, "resolved_protocol", service.metadata["protocol"])


def labels(shape, params):
    return [
        [name, params[name]]
        for name, member in (shape.members.items() if shape else ())
        if member.serialization.get("location") == "uri" and name in params
    ]


def invented(name, shape):
    if shape.type_name == "structure":
        members = ((name, shape.members[name]) for name in shape.required_members)
        return {name: invented(name, member) for name, member in members}
    if shape.type_name == "list":
        return [invented(name, shape.member)] * 2
    if shape.type_name == "map":
        return {f"a {name}": invented(name, shape.value), "b": invented(name, shape.value)}
    return {"boolean": True, "integer": 7, "blob": b"blob"}.get(shape.type_name, f"a {name}/+&")


def text(body):
    # What streams is not read.
    body = b"" if not isinstance(body, (bytes, str)) else body
    return body if isinstance(body, str) else body.decode()


def headers(all_headers):
    plain = {}
    for name, value in all_headers.items():
        if name.lower() not in DULL and not name.lower().startswith("access-control"):
            plain[name] = value.decode() if isinstance(value, bytes) else value
    return plain


def dynamodb(calls):
    def call(operation, **params):
        return calls.call("dynamodb", operation, **params)

    key, total = {"id": {"S": "1"}}, {"ReturnConsumedCapacity": "TOTAL"}
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "at", "by")]
    schema = [{"AttributeName": "id", "KeyType": "HASH"}]
    ranged = [*schema, {"AttributeName": "at", "KeyType": "RANGE"}]
    capacity = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    every = {"ProjectionType": "ALL"}
    by = [{"AttributeName": "by", "KeyType": "HASH"}]
    call("CreateTable", TableName="orders", AttributeDefinitions=attributes[:1], KeySchema=schema,
         ProvisionedThroughput=capacity)
    call("CreateTable", TableName="lines", AttributeDefinitions=attributes, KeySchema=ranged,
         ProvisionedThroughput=capacity,
         LocalSecondaryIndexes=[{"IndexName": "local", "KeySchema": ranged, "Projection": every}],
         GlobalSecondaryIndexes=[{"IndexName": "global", "KeySchema": by, "Projection": every,
                                  "ProvisionedThroughput": capacity}])
    call("PutItem", TableName="orders", Item={**key, "note": {"S": 'ü "}{][\\'}}, **total)
    call("PutItem", TableName="orders", Item=key, ConditionExpression="attribute_not_exists(id)")
    call("PutItem", TableName="nothing", Item=key)
    call("GetItem", TableName="orders", Key=key, ConsistentRead=True, ProjectionExpression="id",
         **total)
    call("UpdateItem", TableName="orders", Key=key, UpdateExpression="SET a = :a",
         ExpressionAttributeValues={":a": {"N": "1"}}, **total)
    call("BatchGetItem", RequestItems={"orders": {"Keys": [key]}}, **total)
    call("BatchWriteItem", RequestItems={
        "orders": [{"PutRequest": {"Item": {"id": {"S": "2"}}}}],
        "lines": [{"PutRequest": {"Item": {"id": {"S": "2"}, "at": {"S": "3"}}}}]}, **total)
    call("Query", TableName="lines", IndexName="local", Limit=7, Select="ALL_ATTRIBUTES",
         ScanIndexForward=False, ConsistentRead=False, KeyConditionExpression="id = :i",
         ExpressionAttributeValues={":i": {"S": "2"}}, **total)
    call("Scan", TableName="orders", Segment=0, TotalSegments=1, Limit=3, ConsistentRead=True,
         ProjectionExpression="id", **total)
    call("Scan", TableName="orders", AttributesToGet=["id", "note"])
    call("ListTables", Limit=5, ExclusiveStartTableName="a")
    call("DescribeTable", TableName="orders")
    call("UpdateTable", TableName="orders", AttributeDefinitions=[attributes[0], attributes[2]],
         ProvisionedThroughput={"ReadCapacityUnits": 7, "WriteCapacityUnits": 8},
         GlobalSecondaryIndexUpdates=[{"Create": {
             "IndexName": "global", "KeySchema": by, "Projection": every,
             "ProvisionedThroughput": capacity}}])
    call("DeleteItem", TableName="orders", Key=key, **total)
    call("DeleteTable", TableName="orders")


def sqs(calls):
    def call(operation, **params):
        return calls.call("sqs", operation, **params)

    created = call("CreateQueue", QueueName="jobs",
                   Attributes={"VisibilityTimeout": "7", "DelaySeconds": "0"})
    if created is None:
        return
    url = created["QueueUrl"]
    attribute = {"DataType": "String", "StringValue": "a&b=c"}
    call("GetQueueUrl", QueueName="jobs", QueueOwnerAWSAccountId="123456789012")
    call("GetQueueUrl", QueueName="none")
    call("SendMessage", QueueUrl=url, MessageBody="hello &?=<>", DelaySeconds=0,
         MessageAttributes={"b": attribute, "a": attribute})
    call("SendMessage", QueueUrl=url + "-none", MessageBody="hello")
    call("SendMessageBatch", QueueUrl=url,
         Entries=[{"Id": str(n), "MessageBody": "m"} for n in range(3)])
    received = call("ReceiveMessage", QueueUrl=url, AttributeNames=["SentTimestamp", "SenderId"],
                    MaxNumberOfMessages=9, MessageAttributeNames=["a", "b"], VisibilityTimeout=11,
                    WaitTimeSeconds=0)
    handles = [message["ReceiptHandle"] for message in received["Messages"]]
    call("ChangeMessageVisibility", QueueUrl=url, ReceiptHandle=handles[0], VisibilityTimeout=5)
    call("ChangeMessageVisibilityBatch", QueueUrl=url, Entries=[
        {"Id": "0", "ReceiptHandle": handles[0], "VisibilityTimeout": 3},
        {"Id": "1", "ReceiptHandle": "none", "VisibilityTimeout": 3}])
    call("DeleteMessage", QueueUrl=url, ReceiptHandle=handles[0])
    call("DeleteMessageBatch", QueueUrl=url, Entries=[
        {"Id": "1", "ReceiptHandle": handles[1]}, {"Id": "2", "ReceiptHandle": "none"}])
    call("GetQueueAttributes", QueueUrl=url, AttributeNames=["VisibilityTimeout", "QueueArn"])
    call("SetQueueAttributes", QueueUrl=url,
         Attributes={"DelaySeconds": "1", "VisibilityTimeout": "8"})
    call("AddPermission", QueueUrl=url, Label="all", AWSAccountIds=["123456789012"],
         Actions=["SendMessage"])
    call("RemovePermission", QueueUrl=url, Label="all")
    call("ListDeadLetterSourceQueues", QueueUrl=url)
    call("ListQueues", QueueNamePrefix="jo")
    call("ListQueues", QueueNamePrefix="none")
    call("PurgeQueue", QueueUrl=url)
    call("DeleteQueue", QueueUrl=url)


def s3(calls):
    def call(operation, **params):
        return calls.call("s3", operation, **params)

    bucket = {"Bucket": "photos"}
    here = {**bucket, "Key": "a b/ü+%2F.txt"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    call("CreateBucket", **bucket)
    call("ListBuckets")
    call("PutBucketPolicy", **bucket, Policy=policy)
    call("PutObject", **here, Body=b"hello")
    call("HeadObject", **here)
    call("HeadObject", **bucket, Key="none")
    call("GetObject", **here)
    call("GetObject", **bucket, Key="none")
    call("GetObject", Bucket="nobody", Key="none")
    call("CopyObject", **bucket, Key="copy", CopySource="photos/a.txt")
    call("PutObject", **bucket, Key="a.txt", Body=b"")
    call("CopyObject", **bucket, Key="copy", CopySource="photos/a.txt")
    call("ListObjects", **bucket, Prefix="a ")
    call("ListObjects", **bucket, Prefix="none")
    call("ListObjectsV2", **bucket, Prefix="a+b&c")
    call("ListObjectVersions", **bucket, Prefix="a")
    upload = call("CreateMultipartUpload", **bucket, Key="big")
    if upload:
        part = {**bucket, "Key": "big", "UploadId": upload["UploadId"]}
        call("UploadPart", **part, PartNumber=1, Body=b"part")
        call("UploadPartCopy", **part, PartNumber=2, CopySource="photos/a.txt")
        call("ListParts", **part)
        call("AbortMultipartUpload", **part)
    call("GetObjectAcl", **here)
    call("PutObjectTagging", **here, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    call("DeleteObjects", **bucket, Delete={"Objects": [{"Key": "a.txt"}, {"Key": "copy"}]})
    call("DeleteObject", **here)
    call("PutBucketVersioning", **bucket, VersioningConfiguration={"Status": "Enabled"})
    call("DeleteObject", **here)
    call("GetBucketCors", **bucket)


def functions(calls):
    zipped = BytesIO()
    with ZipFile(zipped, "w") as file:
        file.writestr("f.py", "def handler(event, context): return event")
    role = calls.call("iam", "CreateRole", RoleName="r", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": []}))
    if role:
        boto3.client("lambda", "us-east-1").create_function(
            FunctionName="resize", Runtime="python3.11", Role=role["Role"]["Arn"],
            Handler="f.handler", Code={"ZipFile": zipped.getvalue()})
    calls.call("lambda", "Invoke", FunctionName="resize", InvocationType="RequestResponse",
               LogType="Tail", Qualifier="$LATEST", Payload=b"{}")
    calls.call("lambda", "Invoke", FunctionName="arn:aws:lambda:us-east-1:123456789012:function:no",
               InvocationType="Event")
    calls.call("sagemaker-runtime", "InvokeEndpoint", EndpointName="guess", Body=b"1")
    topic = calls.call("sns", "CreateTopic", Name="news")
    if topic:
        calls.call("sns", "Publish", TopicArn=topic["TopicArn"], Message="a&b")
        calls.call("sns", "Publish", TopicArn=topic["TopicArn"] + "x", Message="m")
        calls.call("sns", "PublishBatch", TopicArn=topic["TopicArn"],
                   PublishBatchRequestEntries=[{"Id": "1", "Message": "m"}])


def refused(calls):
    """Errors of services of each protocol."""
    calls.call("iam", "GetUser", UserName="nobody")
    calls.call("sts", "AssumeRole", RoleArn="short", RoleSessionName="s")
    calls.call("ec2", "DescribeInstances", InstanceIds=["i-1234567890abcdef0"])
    calls.call("ec2", "DescribeVpcs")
    calls.call("rds", "DescribeDBInstances", DBInstanceIdentifier="none")
    calls.call("cloudwatch", "GetDashboard", DashboardName="none")
    calls.call("kinesis", "DescribeStream", StreamName="none")
    calls.call("kms", "DescribeKey", KeyId="alias/none")
    calls.call("route53", "GetHostedZone", Id="NONE")
    calls.call("apigateway", "GetRestApi", restApiId="none")
    calls.call("cloudformation", "DescribeStacks", StackName="none")
    calls.call("stepfunctions", "DescribeStateMachine",
               stateMachineArn="arn:aws:states:us-east-1:123456789012:stateMachine:none")


def main():
    versions = f"botocore {botocore.__version__}, moto {moto.__version__}"
    print(f"Calls of {versions}", file=sys.stderr)
    patch(["botocore"])
    xray_recorder.configure(emitter=Silent(), sampling=False)
    calls = Calls(sys.argv[1], sys.argv[2:])
    mock = getattr(moto, "mock_aws", None)
    with mock(config={"lambda": {"use_docker": False}}) if mock else moto.mock_sqs():
        for part in (dynamodb, sqs, s3, functions, refused):
            part(calls)
        calls.rest()


if __name__ == "__main__":
    main()
