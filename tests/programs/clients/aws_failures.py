"""Calls that AWS throttles, refuses or breaks, by each protocol: the names say how."""

from aws_calls import call
from aws_calls import table


def failures():
    """All of them."""
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
