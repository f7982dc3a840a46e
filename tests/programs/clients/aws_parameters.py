"""Calls to the services that the parameter table knows: every row of it that moto can serve."""

import io
import zipfile

from aws_calls import call
from aws_calls import table
from aws_services import ROLE
from aws_services import TRUST


def archive():
    """The code of a function, as a zip file that is the same every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(zipfile.ZipInfo("main.py"), "def handler(event, _): return event")
    return buffer.getvalue()


def dynamodb():
    """Every row of the parameter table."""

    def ask(operation, **parameters):
        return call("dynamodb", operation, **parameters)

    seven = {"id": {"S": "7"}}
    item = {**seven, "who": {"S": "ann"}, "sum": {"N": "42"}}
    consumed = {"ReturnConsumedCapacity": "TOTAL"}
    metrics = {**consumed, "ReturnItemCollectionMetrics": "SIZE"}
    arn = ask("create_table", **table("orders"))["TableDescription"]["TableArn"]
    local = table("local")
    local["KeySchema"].append({"AttributeName": "who", "KeyType": "RANGE"})
    local["LocalSecondaryIndexes"] = [
        {
            "IndexName": "the-same",
            "KeySchema": local["KeySchema"],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ]
    del local["GlobalSecondaryIndexes"]
    ask("create_table", **local)
    ask("describe_table", TableName="orders")
    ask("describe_table", TableName=arn)
    ask("list_tables", Limit=10)
    ask("list_tables", ExclusiveStartTableName="local")
    ask("put_item", TableName="orders", Item=item, **metrics)
    ask("put_item", TableName="orders", Item={"id": {"S": "long"}, "text": {"S": "x" * 200_000}})
    ask("get_item", TableName="orders", Key=seven)
    ask(
        "get_item",
        TableName="orders",
        Key=seven,
        ConsistentRead=True,
        ProjectionExpression="who",
        **consumed,
    )
    ask(
        "update_item",
        TableName="orders",
        Key=seven,
        UpdateExpression="SET who = :w",
        ExpressionAttributeValues={":w": {"S": "bob"}},
        **metrics,
    )
    ask(
        "query",
        TableName="orders",
        KeyConditionExpression="who = :w",
        ExpressionAttributeValues={":w": {"S": "bob"}},
        IndexName="by-who",
        Limit=5,
        ScanIndexForward=False,
        Select="ALL_ATTRIBUTES",
        **consumed,
    )
    ask(
        "query",
        TableName="orders",
        KeyConditionExpression="id = :i",
        ExpressionAttributeValues={":i": {"S": "7"}},
        ConsistentRead=True,
        ProjectionExpression="who",
    )
    ask("scan", TableName="orders", Segment=0, TotalSegments=1, Limit=1, **consumed)
    ask("scan", TableName="orders", IndexName="by-who", Select="COUNT")
    ask("scan", TableName="orders", ConsistentRead=True, ProjectionExpression="who")
    ask("scan", TableName="orders", AttributesToGet=["who"])
    ask("batch_get_item", RequestItems={"orders": {"Keys": [seven]}}, **consumed)
    ask(
        "batch_write_item",
        RequestItems={
            "orders": [{"PutRequest": {"Item": {"id": {"S": "8"}}}}],
            "local": [{"PutRequest": {"Item": item}}],
        },
        **metrics,
    )
    ask("transact_get_items", TransactItems=[{"Get": {"TableName": "orders", "Key": seven}}])
    ask(
        "update_table",
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "when", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 7, "WriteCapacityUnits": 8},
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-who"}}],
    )
    ask("delete_item", TableName="orders", Key=seven, **metrics)
    ask("delete_table", TableName="local")
    ask("get_item", TableName="missing", Key=seven)
    ask(
        "put_item",
        TableName="orders",
        Item={"id": {"S": "8"}},
        ConditionExpression="attribute_not_exists(id)",
    )
    ask("put_item", TableName="orders", Item={"other": {"S": "8"}})


def s3_bucket():
    """Buckets and their settings."""

    def ask(operation, **parameters):
        return call("s3", operation, Bucket="receipts", **parameters)

    ask("create_bucket")
    ask("head_bucket")
    ask("get_bucket_location")
    ask("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})
    ask("get_bucket_versioning")
    ask("put_bucket_tagging", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    ask("get_bucket_tagging")
    ask("delete_bucket_tagging")
    ask("put_bucket_policy", Policy='{"Version": "2012-10-17", "Statement": []}')
    ask("get_bucket_policy")
    ask("delete_bucket_policy")
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]
    ask("put_bucket_cors", CORSConfiguration={"CORSRules": rules})
    ask("get_bucket_cors")
    ask("delete_bucket_cors")
    website = {"IndexDocument": {"Suffix": "index.html"}}
    ask("put_bucket_website", WebsiteConfiguration=website)
    ask("get_bucket_website")
    ask("delete_bucket_website")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ask("put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [rule]})
    ask("get_bucket_encryption")
    ask("delete_bucket_encryption")
    expire = {"ID": "e", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    ask("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": [expire]})
    ask("get_bucket_lifecycle_configuration")
    ask("delete_bucket_lifecycle")
    ask("put_bucket_acl", ACL="private")
    ask("get_bucket_acl")
    ask("get_bucket_logging")
    ask("put_bucket_logging", BucketLoggingStatus={})
    ask("put_bucket_notification_configuration", NotificationConfiguration={})
    ask("get_bucket_notification_configuration")
    ask("put_bucket_accelerate_configuration", AccelerateConfiguration={"Status": "Enabled"})
    ask("get_bucket_accelerate_configuration")
    payer = {"Payer": "Requester"}
    ask("put_bucket_request_payment", RequestPaymentConfiguration=payer)
    ask("get_bucket_request_payment")
    ask("get_bucket_replication")
    listed = {"Id": "i", "IsEnabled": True, "IncludedObjectVersions": "All"}
    listed["Schedule"] = {"Frequency": "Daily"}
    listed["Destination"] = {"S3BucketDestination": {"Bucket": "arn:aws:s3:::b", "Format": "CSV"}}
    ask("put_bucket_inventory_configuration", Id="i", InventoryConfiguration=listed)
    ask("get_bucket_inventory_configuration", Id="i")
    ask("list_bucket_inventory_configurations")
    ask("get_public_access_block")
    call("s3", "list_buckets")
    call("s3", "create_bucket", Bucket="with.dots.in.it")
    call("s3", "put_object", Bucket="with.dots.in.it", Key="a", Body=b"1")


def s3_objects():
    """Objects, their versions and parts."""

    def ask(operation, **parameters):
        return call("s3", operation, Bucket="receipts", **parameters)

    version = ask("put_object", Key="2026/a b+c%2Fd/é.txt", Body=b"first").get("VersionId")
    ask("put_object", Key="//a/../b", Body=io.BytesIO(b"stream" * 10_000))
    ask("get_object", Key="//a/../b")
    ask("get_object", Key="2026/a b+c%2Fd/é.txt", VersionId=version)
    ask("get_object", Key="2026/a b+c%2Fd/é.txt", Range="bytes=1-3")
    ask("head_object", Key="2026/a b+c%2Fd/é.txt")
    ask("get_object_acl", Key="2026/a b+c%2Fd/é.txt", VersionId=version)
    ask("put_object_acl", Key="2026/a b+c%2Fd/é.txt", ACL="private")
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    ask("put_object_tagging", Key="2026/a b+c%2Fd/é.txt", Tagging=tags, VersionId=version)
    ask("get_object_tagging", Key="2026/a b+c%2Fd/é.txt", VersionId=version)
    ask("delete_object_tagging", Key="2026/a b+c%2Fd/é.txt")
    source = {"Bucket": "receipts", "Key": "2026/a b+c%2Fd/é.txt"}
    ask("copy_object", Key="copy", CopySource=source)
    ask("copy_object", Key="copy", CopySource="receipts/missing")
    ask("list_objects", Prefix="2026/", MaxKeys=5)
    ask("list_objects_v2", Prefix="2026/")
    ask("list_objects_v2")
    ask("list_object_versions", Prefix="2026/")
    upload = ask("create_multipart_upload", Key="parts")["UploadId"]
    part = {"Key": "parts", "UploadId": upload, "PartNumber": 1}
    tag = ask("upload_part", **part, Body=b"p" * 100)["ETag"]
    copied = {"Key": "parts", "UploadId": upload, "PartNumber": 2, "CopySource": "receipts/copy"}
    ask("upload_part_copy", **copied)
    ask("list_parts", Key="parts", UploadId=upload)
    ask("list_multipart_uploads", Prefix="par")
    parts = {"Parts": [{"ETag": tag, "PartNumber": 1}]}
    ask("complete_multipart_upload", Key="parts", UploadId=upload, MultipartUpload=parts)
    upload = ask("create_multipart_upload", Key="given up")["UploadId"]
    ask("abort_multipart_upload", Key="given up", UploadId=upload)
    ask("delete_objects", Delete={"Objects": [{"Key": "copy"}, {"Key": "parts"}]})
    ask("delete_object", Key="//a/../b")
    ask("get_object", Key="missing")
    ask("head_object", Key="missing")
    tag = ask("put_object", Key="tagged", Body=b"etag")["ETag"]
    ask("get_object", Key="tagged", IfNoneMatch=tag)
    call("s3", "get_object", Bucket="no-such-bucket", Key="a")
    call("s3", "list_objects_v2", Bucket="no-such-bucket")
    call("s3", "head_bucket", Bucket="no-such-bucket")
    call("s3", "delete_bucket", Bucket="receipts")


def sqs():
    """Every row of the parameter table."""
    url = call("sqs", "create_queue", QueueName="parcels", Attributes={"DelaySeconds": "0"})
    url = url["QueueUrl"]

    def ask(operation, **parameters):
        return call("sqs", operation, QueueUrl=url, **parameters)

    attribute = {"color": {"DataType": "String", "StringValue": "red"}}
    call("sqs", "get_queue_url", QueueName="parcels", QueueOwnerAWSAccountId="123456789012")
    call("sqs", "get_queue_url", QueueName="missing")
    call("sqs", "list_queues", QueueNamePrefix="par")
    call("sqs", "list_queues", QueueNamePrefix="none")
    ask("set_queue_attributes", Attributes={"VisibilityTimeout": "30"})
    ask("get_queue_attributes", AttributeNames=["VisibilityTimeout", "DelaySeconds"])
    ask("send_message", MessageBody="one", DelaySeconds=0, MessageAttributes=attribute)
    ask("send_message_batch", Entries=[{"Id": i, "MessageBody": i} for i in "ab"])
    received = ask(
        "receive_message",
        AttributeNames=["SentTimestamp"],
        MessageAttributeNames=["color"],
        MaxNumberOfMessages=10,
        VisibilityTimeout=20,
        WaitTimeSeconds=1,
    )["Messages"]
    handles = [message["ReceiptHandle"] for message in received]
    ask("change_message_visibility", ReceiptHandle=handles[0], VisibilityTimeout=60)
    entries = [{"Id": "a", "ReceiptHandle": handles[0], "VisibilityTimeout": 61}]
    ask("change_message_visibility_batch", Entries=entries)
    ask("delete_message", ReceiptHandle=handles[0])
    entries = [{"Id": "b", "ReceiptHandle": handles[1]}]
    ask("delete_message_batch", Entries=entries)
    ask("receive_message", MaxNumberOfMessages=1, WaitTimeSeconds=0)
    ask("add_permission", Label="read", AWSAccountIds=["123456789012"], Actions=["ReceiveMessage"])
    ask("remove_permission", Label="read")
    ask("list_dead_letter_source_queues")
    ask("purge_queue")
    ask("delete_queue")
    ask("send_message", MessageBody="too late")


def functions():
    """Lambda and SageMaker."""
    path = "/service-role/"
    call("iam", "create_role", RoleName="worker", Path=path, AssumeRolePolicyDocument=TRUST)
    call(
        "lambda",
        "create_function",
        FunctionName="resize",
        Runtime="python3.12",
        Role=ROLE,
        Handler="main.handler",
        Code={"ZipFile": archive()},
    )
    call("lambda", "list_functions")
    call("lambda", "invoke", FunctionName="resize", Payload=b'{"n": 1}')
    call(
        "lambda",
        "invoke",
        FunctionName="arn:aws:lambda:us-east-1:123456789012:function:resize",
        InvocationType="RequestResponse",
        LogType="Tail",
        Qualifier="$LATEST",
    )
    call("lambda", "invoke", FunctionName="resize", InvocationType="Event")
    call("lambda", "invoke_async", FunctionName="resize", InvokeArgs=b"{}")
    call("lambda", "invoke", FunctionName="missing")
    call("lambda", "get_function", FunctionName="missing")
    call("sagemaker-runtime", "invoke_endpoint", EndpointName="price", Body=b"1")


def sns():
    """Topics."""
    topic = call("sns", "create_topic", Name="shipped")["TopicArn"]
    call("sns", "publish", TopicArn=topic, Message="parcel 7")
    call("sns", "publish", PhoneNumber="+49301234567", Message="parcel 7")
    entries = [{"Id": i, "Message": i} for i in "ab"]
    call("sns", "publish_batch", TopicArn=topic, PublishBatchRequestEntries=entries)
    call("sns", "list_topics")
    call("sns", "get_topic_attributes", TopicArn=f"{topic}-missing")
    call("sns", "publish", TopicArn=f"{topic}-missing", Message="nobody")


def parameters():
    """The services that the parameter table knows."""
    dynamodb()
    s3_bucket()
    s3_objects()
    sqs()
    functions()
    sns()
