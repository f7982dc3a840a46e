"""An unmodified program that calls many AWS services with boto3, one call after the other.

    python with_aws.py [services | parameters | failures]…

It prints a JSON line for each call: what the SDK told it. The calls are always the same, so two
runs against two clean accounts differ in nothing but the time. (The patched run is
`with_aws_patched.py`.)"""

import random

# The SDK waits before a retry for a random part of a bound; this program is lucky every time.
random.random = lambda: 0.01

import io  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import zipfile  # noqa: E402

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import BotoCoreError  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

ROLE = "arn:aws:iam::123456789012:role/service-role/worker"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
CLIENTS = {}


def client(service, retries=None):
    """The client of a service, with so many retries, else with boto's own habit."""
    key = (service, retries)
    if key not in CLIENTS:
        config = Config(retries={"max_attempts": retries, "mode": "standard"}) if retries else None
        CLIENTS[key] = boto3.client(service, config=config)
    return CLIENTS[key]


def call(service, operation, /, retries=None, **parameters):
    """Calls, prints what came of it, and returns the response; `{}` if the call failed."""
    caller = client(service, retries)
    told = {"service": service, "operation": caller.meta.method_to_api_mapping[operation]}
    if service == "s3":
        told |= {name: parameters[name] for name in ("Bucket", "Key") if name in parameters}
    response = {}
    try:
        response = getattr(caller, operation)(**parameters)
        if hasattr(response.get("Body"), "read"):
            response["Body"] = response["Body"].read()
        meta = response["ResponseMetadata"]
    except ClientError as error:
        meta = error.response["ResponseMetadata"]
        told["code"] = error.response["Error"].get("Code")
    except BotoCoreError as error:
        meta = {}
        told["code"] = type(error).__name__
    told["status"] = meta.get("HTTPStatusCode")
    told["request_id"] = meta.get("RequestId")
    headers = meta.get("HTTPHeaders", {})
    told["header_id"] = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
    told["retries"] = meta.get("RetryAttempts")
    print(json.dumps(told), flush=True)
    return response


def archive():
    """The code of a function, as a zip file that is the same every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(zipfile.ZipInfo("main.py"), "def handler(event, _): return event")
    return buffer.getvalue()


def services():
    """A few calls each to services that no parameter table knows."""
    call("sts", "get_caller_identity")
    call("sts", "assume_role", RoleArn=ROLE, RoleSessionName="session")
    call("iam", "create_role", RoleName="reader", AssumeRolePolicyDocument=TRUST)
    call("iam", "get_role", RoleName="nobody")
    call("iam", "list_users")
    call("kms", "create_key", Description="of the tests")
    call("kms", "describe_key", KeyId="alias/missing")
    call("ssm", "put_parameter", Name="/shop/a", Value="1", Type="String")
    call("ssm", "get_parameter", Name="/shop/a")
    call("ssm", "get_parameter", Name="/shop/missing")
    call("secretsmanager", "create_secret", Name="shop", SecretString="not told")
    call("secretsmanager", "get_secret_value", SecretId="shop")
    call("secretsmanager", "get_secret_value", SecretId="missing")
    call("kinesis", "create_stream", StreamName="clicks", ShardCount=1)
    call("kinesis", "put_record", StreamName="clicks", Data=b"click", PartitionKey="1")
    call("kinesis", "list_shards", StreamName="clicks")
    call("firehose", "list_delivery_streams")
    call("logs", "create_log_group", logGroupName="/shop")
    call("logs", "describe_log_groups", logGroupNamePrefix="/shop")
    call("events", "put_rule", Name="nightly", ScheduleExpression="rate(1 day)")
    call("events", "list_rules")
    call("scheduler", "list_schedules")
    call("pipes", "list_pipes")
    call(
        "cloudwatch",
        "put_metric_data",
        Namespace="shop",
        MetricData=[{"MetricName": "orders", "Value": 1}],
    )
    call("cloudwatch", "list_metrics", Namespace="shop")
    call("cloudformation", "list_stacks")
    call("cloudformation", "describe_stacks", StackName="missing")
    call("stepfunctions", "list_state_machines")
    call("stepfunctions", "describe_state_machine", stateMachineArn=f"{ROLE}:missing")
    call("ecr", "create_repository", repositoryName="shop")
    call("ecr", "describe_images", repositoryName="missing")
    call("ecs", "create_cluster", clusterName="shop")
    call("ecs", "list_clusters")
    call("eks", "list_clusters")
    call("eks", "describe_cluster", name="missing")
    call("ec2", "describe_regions")
    call("ec2", "describe_instances", InstanceIds=["i-0123456789abcdef0"])
    call("autoscaling", "describe_auto_scaling_groups")
    call("elb", "describe_load_balancers")
    call("elbv2", "describe_load_balancers")
    call("rds", "describe_db_instances")
    call("rds", "describe_db_instances", DBInstanceIdentifier="missing")
    call("redshift", "describe_clusters")
    call("elasticache", "describe_cache_clusters")
    call("route53", "list_hosted_zones")
    call("route53", "get_hosted_zone", Id="ZMISSING")
    call("cloudfront", "list_distributions")
    call("cloudfront", "get_distribution", Id="EMISSING")
    call("apigateway", "get_rest_apis")
    call("apigateway", "get_rest_api", restApiId="missing")
    call("apigatewayv2", "get_apis")
    call("cognito-idp", "list_user_pools", MaxResults=10)
    call("cognito-identity", "list_identity_pools", MaxResults=10)
    call("ses", "verify_email_identity", EmailAddress="a@example.com")
    call("ses", "list_identities")
    call("sesv2", "list_contact_lists")
    call("acm", "list_certificates")
    call("organizations", "describe_organization")
    call("athena", "list_work_groups")
    call("glue", "get_databases")
    call("glue", "get_database", Name="missing")
    call("batch", "describe_job_queues")
    call("emr", "list_clusters")
    call("es", "list_domain_names")
    call("opensearch", "list_domain_names")
    call("efs", "describe_file_systems")
    call("backup", "list_backup_plans")
    call("codebuild", "list_projects")
    call("codepipeline", "list_pipelines")
    call("codecommit", "get_repository", repositoryName="missing")
    call("config", "describe_configuration_recorders")
    call("cloudtrail", "describe_trails")
    call("guardduty", "list_detectors")
    call("wafv2", "list_web_acls", Scope="REGIONAL")
    call("iot", "list_things")
    call("iot-data", "get_thing_shadow", thingName="missing")
    call("dynamodbstreams", "list_streams")
    call("resourcegroupstaggingapi", "get_resources")
    call("resource-groups", "list_groups")
    call("sagemaker", "list_models")
    call("servicediscovery", "list_namespaces")
    call("service-quotas", "list_aws_default_service_quotas", ServiceCode="vpc")
    call("swf", "list_domains", registrationStatus="REGISTERED")
    call("transcribe", "list_transcription_jobs")
    call("textract", "get_document_text_detection", JobId="0" * 32)
    call("polly", "list_lexicons")
    call("s3control", "get_public_access_block", AccountId="123456789012")
    call("glacier", "list_vaults", accountId="-")
    call("mq", "list_brokers")
    call("kafka", "list_clusters")
    call("appsync", "list_graphql_apis")
    call("dax", "describe_clusters")
    call("ds", "describe_directories")
    call("quicksight", "list_users", AwsAccountId="123456789012", Namespace="default")
    call("application-autoscaling", "describe_scalable_targets", ServiceNamespace="ecs")
    call("elasticbeanstalk", "describe_environments")
    call("pinpoint", "get_apps")
    call("rekognition", "get_text_detection", JobId="0" * 32)
    call("workspaces", "describe_workspaces")
    call("transfer", "describe_server", ServerId="s-0123456789abcdef0")


def table(name):
    """The parameters of a small table."""
    return {
        "TableName": name,
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "who", "AttributeType": "S"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-who",
                "KeySchema": [{"AttributeName": "who", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2},
            }
        ],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
    }


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


def failures():
    """Calls that AWS throttles, refuses or breaks, by each protocol: the names say how."""
    call("dynamodb", "create_table", **table("throttled-twice"))
    call("s3", "create_bucket", Bucket="failing")
    call("s3", "put_object", Bucket="failing", Key="here", Body=b"1")
    call("ssm", "put_parameter", Name="throttled-once", Value="1", Type="String")
    topic = "arn:aws:sns:us-east-1:123456789012:"
    bus = "arn:aws:events:us-east-1:123456789012:event-bus/"
    queue = "https://sqs.us-east-1.amazonaws.com/123456789012/"
    seven = {"id": {"S": "7"}}
    bucket = {"Bucket": "failing"}
    for service, operation, given in [
        ("dynamodb", "get_item", {"TableName": "throttled-twice", "Key": seven}),
        ("dynamodb", "get_item", {"TableName": "throttled-always", "Key": seven}),
        ("dynamodb", "get_item", {"TableName": "denied", "Key": seven}),
        ("dynamodb", "get_item", {"TableName": "broken-always", "Key": seven}),
        ("dynamodb", "get_item", {"TableName": "closed-always", "Key": seven}),
        ("ssm", "get_parameter", {"Name": "throttled-once"}),
        ("ssm", "get_parameter", {"Name": "throttled-always"}),
        ("kms", "describe_key", {"KeyId": "denied"}),
        ("sns", "publish", {"TopicArn": f"{topic}throttled-always", "Message": "1"}),
        ("sns", "publish", {"TopicArn": f"{topic}denied", "Message": "1"}),
        ("sns", "publish", {"TopicArn": f"{topic}html-always", "Message": "1"}),
        ("sqs", "send_message", {"QueueUrl": f"{queue}throttled-always", "MessageBody": "1"}),
        ("sqs", "send_message", {"QueueUrl": f"{queue}denied", "MessageBody": "1"}),
        ("ec2", "describe_volumes", {"VolumeIds": ["vol-throttled-always"]}),
        ("ec2", "describe_volumes", {"VolumeIds": ["vol-denied"]}),
        ("ec2", "describe_volumes", {"VolumeIds": ["vol-broken-always"]}),
        ("lambda", "invoke", {"FunctionName": "throttled-always"}),
        ("lambda", "invoke", {"FunctionName": "denied"}),
        ("lambda", "invoke", {"FunctionName": "broken-always"}),
        ("lambda", "invoke", {"FunctionName": "unhandled"}),
        ("lambda", "invoke_async", {"FunctionName": "later", "InvokeArgs": b"{}"}),
        ("lambda", "list_functions", {"MaxItems": 7}),
        ("cloudwatch", "list_metrics", {"Namespace": "throttled-once"}),
        ("eventbridgev2", "list_event_buses", {}),
        ("eventbridgev2", "describe_event_bus", {"EventBusArn": f"{bus}throttled-always"}),
        ("eventbridgev2", "describe_event_bus", {"EventBusArn": f"{bus}throttled-once"}),
        ("eventbridgev2", "describe_event_bus", {"EventBusArn": f"{bus}denied"}),
        ("eventbridgev2", "describe_event_bus", {"EventBusArn": f"{bus}broken-always"}),
        ("s3", "put_object", {**bucket, "Key": "slow-always", "Body": b"1"}),
        ("s3", "put_object", {**bucket, "Key": "slow-once", "Body": b"1"}),
        ("s3", "get_object", {**bucket, "Key": "denied"}),
        ("s3", "head_object", {**bucket, "Key": "denied"}),
        ("s3", "head_object", {**bucket, "Key": "broken-always"}),
        ("s3", "list_objects_v2", {**bucket, "Prefix": "broken-once"}),
        ("s3", "put_object", {**bucket, "Key": "closed-once", "Body": b"1"}),
        ("s3", "copy_object", {**bucket, "Key": "error-200", "CopySource": "failing/here"}),
        ("route53", "get_hosted_zone", {"Id": "ZTHROTTLED"}),
        ("route53", "get_hosted_zone", {"Id": "ZDENIED"}),
    ]:
        call(service, operation, retries=2, **given)
    call("s3", "put_object", Bucket="failing", Key="moved", Body=b"1")
    call("s3", "get_object", Bucket="failing", Key="moved")


if __name__ == "__main__":
    for part in sys.argv[1:] or ["services", "parameters", "failures"]:
        globals()[part]()
